"""The segmenters of the study, by `segment.method`.

Another one is a module with a class that follows `Segmenter`, an opener with an entry in `OPENERS`
here, and its name in `segment.method` and `OWN_WEIGHTS` (stages/params/segment.py).
"""

from collections.abc import Callable
from typing import Any

import torch

from stages.params.segment import SegmentParams
from stages.segmenters.protocol import Segmenter
from stages.segmenters.synthseg.weight_files import open_segmenter as open_synthseg
from stages.segmenters.synthseg.weight_files import weight_file
from stages.storage.files import md5
from stages.study import sidecars


def synthseg(params: SegmentParams, device: torch.device) -> Segmenter:
    """SynthSeg with the embedded or official weights."""
    return open_synthseg(params.weights, params.mode, device, fast=params.fast)


def atlas(params: SegmentParams, device: torch.device) -> Segmenter:
    """A probabilistic atlas, always on the CPU; `mode` and `fast` do not apply."""
    from stages.segmenters.atlas.atlas_file import open_segmenter

    return open_segmenter(params.weights)


OPENERS: dict[str, Callable[[SegmentParams, torch.device], Segmenter]] = {
    "synthseg": synthseg,
    "atlas": atlas,
}
"""By `segment.method`."""


def open_segmenter(params: SegmentParams, device: torch.device) -> Segmenter:
    """The segmenter that the parameters choose; `StudyError` if its weights cannot be used."""
    return OPENERS[params.method](params, device)


def described(params: SegmentParams) -> str:
    """What made a label map, in words."""
    weights = weight_file(params.weights).name
    if params.method == "synthseg":
        return f"SynthSeg ({weights}, {params.mode} mode)"
    return f"{params.method} ({weights})"


def provenance(params: SegmentParams) -> dict[str, Any]:
    """What the sidecar of a label map says about its segmenter."""
    path = weight_file(params.weights)
    found = {
        sidecars.METHOD: params.method,
        sidecars.WEIGHTS_FILE: path.name,
        sidecars.WEIGHTS: md5(path),
    }
    if params.method == "synthseg":
        found |= {sidecars.MODE: params.mode, sidecars.FAST: params.fast}
    return found
