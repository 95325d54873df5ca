"""The segmenters of the study, behind one protocol.

Another one is a module with a class that follows `Segmenter`, an opener with an entry in `OPENERS`
here, and its name in `segment.method` (stages/params/segment.py).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

import torch

from stages.files import md5
from stages.params.segment import SegmentParams
from stages.synthseg.catalogue import open_segmenter as open_synthseg
from stages.synthseg.catalogue import weight_file
from stages.synthseg.inference import Segmentation
from stages.synthseg.preprocess import Scan


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


def synthseg(params: SegmentParams, device: torch.device) -> Segmenter:
    """SynthSeg with the embedded or official weights."""
    return open_synthseg(params.weights, params.mode, device, fast=params.fast)


def atlas(params: SegmentParams, device: torch.device) -> Segmenter:
    """A probabilistic atlas, always on the CPU; `mode` and `fast` do not apply."""
    from stages.atlas.catalogue import open_segmenter  # SimpleITK is only needed here

    return open_segmenter(params.weights)


OPENERS: dict[str, Callable[[SegmentParams, torch.device], Segmenter]] = {
    "synthseg": synthseg,
    "atlas": atlas,
}
"""By `segment.method`."""


def open_segmenter(params: SegmentParams, device: torch.device) -> Segmenter:
    """The segmenter that the parameters choose; `StudyError` if its weights cannot be used."""
    return OPENERS[params.method](params, device)


def provenance(params: SegmentParams) -> dict[str, Any]:
    """What the sidecar of a label map says about its segmenter."""
    path = weight_file(params.weights)
    found = {"Method": params.method, "Weights": path.name, "WeightsMD5": md5(path)}
    if params.method == "synthseg":
        found |= {"Mode": params.mode, "Fast": params.fast}
    return found
