"""What every segmenter of the study offers."""

from pathlib import Path
from typing import Protocol, Self

from stages.segmenters.preprocess import Scan
from stages.segmenters.synthseg.posteriors import Segmentation


class Labelled(Protocol):
    """What the volumes of a segmenter mean."""

    @property
    def labels(self) -> tuple[int, ...]:
        """FreeSurfer ids that label maps hold, background first."""

    @property
    def names(self) -> tuple[str, ...]:
        """SynthSeg's name of every label but the background, with or without its side."""


class Segmenter(Protocol):
    """Ready for many images; the same image gives the same bytes on any number of threads."""

    @property
    def model(self) -> Labelled:
        """Labels and their names."""

    def segment(self, path: Path) -> Segmentation:
        """Segment and measure one image file; `StudyError` if it is unusable."""

    def segment_scan(self, scan: Scan) -> Segmentation:
        """Segment and measure one image of any voxel size, axis order and intensity scale."""

    def quick(self) -> Self:
        """A faster variant, good enough to see which way a head lies."""
