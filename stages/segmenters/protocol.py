"""What every segmenter of the study offers, and what is told of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from stages.segmenters.image import Image
from stages.study.references import Reference

if TYPE_CHECKING:
    import torch

NO_WEIGHTS = "weights/none"
"""Stands for no file of weights; it is there and empty, as DVC has no dependency on nothing."""
QUICK = 1.5
"""Voxels of a quick segmentation are this many times as large as usual along each axis."""


@dataclass(frozen=True)
class Segmentation:
    """Result for one image."""

    labels: np.ndarray
    """(i, j, k) int32 FreeSurfer ids in the axis order of the file."""
    affine: np.ndarray
    """(4, 4) voxel to RAS mm, of the grid of `labels`."""
    volumes_mm3: np.ndarray
    """One for each name of the model."""
    details: Mapping[str, object] = field(default_factory=dict)
    """What the sidecar of its label map says beside what all maps of a segmenter share."""
    log: str = ""
    """What a program said while it made the map."""
    parcels: np.ndarray | None = None
    """The label map with the cortex divided into parcels; None where it is not."""

    @property
    def written(self) -> np.ndarray:
        """The label map that is written, (i, j, k) int32: with parcels where there are some."""
        return self.labels if self.parcels is None else self.parcels


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

    @property
    def whole(self) -> bool:
        """Whether the air around a head changes what is measured."""

    def segment(self, path: Path) -> Segmentation:
        """Segment and measure one image file; `StudyError` if it is unusable."""

    def segment_image(self, image: Image) -> Segmentation:
        """Segment and measure one image of any voxel size, axis order and intensity scale."""

    def quick(self) -> "Segmenter":
        """Return a variant on voxels `QUICK` times as large, good enough to see how a head lies.

        It computes on less than two fifths of the voxels.
        """


class Chosen(Protocol):
    """What section `segment` of the parameters chooses."""

    @property
    def method(self) -> str:
        """Name of the kind."""

    @property
    def weights(self) -> str:
        """A file."""

    @property
    def mode(self) -> str:
        """`standard` or `robust`."""

    @property
    def fast(self) -> bool:
        """Whether refinements are left out."""

    @property
    def parcellation(self) -> str:
        """A file of weights that divide the cortex, or `NO_WEIGHTS`."""

    @property
    def networks(self) -> str:
        """A folder of weights that segment shifted copies in turn, or `NO_WEIGHTS`."""

    @property
    def labels(self) -> str | None:
        """A table of the labels of given maps; None for FreeSurfer's."""

    @property
    def command(self) -> str | None:
        """A command that segments an image."""


def nothing_wrong(_: Chosen) -> None:
    """Return that nothing is wrong about the parameters."""


@dataclass(frozen=True)
class Words:
    """How the text of methods describes a segmenter."""

    text: str
    """After `Volumes were measured by`."""
    works: tuple[Reference, ...]
    metrics: str | None = None
    """File below metrics/, without suffix, that holds how well it measures; None for none."""


@dataclass(frozen=True)
class SegmenterKind:
    """A kind of segmenters: its words, which are read without its libraries, and its opener."""

    name: str
    """Value of `segment.method`."""
    title: Callable[[str], str]
    """As it is printed, by the name of its weights: other weights are another segmenter."""
    spoken: Callable[[str], str]
    """In a sentence, by the name of its weights."""
    weights: Path
    """The file that comes with the study."""
    options: tuple[str, ...]
    """Keys of section `segment` that apply to it, besides the weights."""
    words: Callable[[Chosen], Words]
    open: "Callable[[Chosen, torch.device], Segmenter]"
    """Ready for many images; raises `StudyError` if the weights cannot be used."""
    divides: bool = False
    """Whether it takes weights of a parcellation of the cortex."""
    made_here: bool = True
    """Maps are made by the study, so that a head that lies wrong can be told from its map."""
    record: Callable[[Chosen], dict[str, Any]] | None = None
    """What sidecars say of it; None: method, weights and options."""
    fault: Callable[[Chosen], str | None] = nothing_wrong
    """What is wrong about the parameters, as far as they tell."""
