"""Section `segment`: the segmenter that measures the volumes."""

from typing import ClassVar, Literal

from stages.params.base import Section


class SegmentParams(Section):
    """Which SynthSeg weights, and how they are used."""

    section: ClassVar[str] = "segment"
    weights: str  # a file of weights
    mode: Literal["standard", "robust"]
    fast: bool
