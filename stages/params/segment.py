"""Section `segment`: the segmenter that measures the volumes."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from stages.params.base import Section


class PerturbationParams(Section):
    """Shifted copies of every image that are segmented, too."""

    draws: int = Field(ge=0)
    shift_voxels: float = Field(gt=0, le=1)

    @field_validator("draws")
    @classmethod
    def _two(cls, draws: int) -> int:
        if draws == 1:
            raise ValueError("expected 0 or at least 2 draws: one does not vary")
        return draws


class SegmentParams(Section):
    """Which SynthSeg weights, and how they are used."""

    section: ClassVar[str] = "segment"
    weights: str  # a file of weights
    mode: Literal["standard", "robust"]
    fast: bool
    perturbations: PerturbationParams
