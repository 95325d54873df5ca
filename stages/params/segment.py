"""Section `segment`: the segmenter that measures the volumes."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from stages.params.section import Section

OWN_WEIGHTS = {"synthseg": "embedded.npz", "atlas": "atlas.npz"}
"""Files below weights/ that come with the study, by `method`."""


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
    """Which segmenter, its weights, and how they are used."""

    section: ClassVar[str] = "segment"
    method: Literal["synthseg", "atlas"]
    weights: str  # a file of weights, or an atlas
    mode: Literal["standard", "robust"]  # of SynthSeg
    fast: bool  # SynthSeg without mirrored image and topology step
    perturbations: PerturbationParams

    @model_validator(mode="after")
    def _weights_of_the_method(self) -> "SegmentParams":
        name, own = Path(self.weights).name, OWN_WEIGHTS[self.method]
        if name in OWN_WEIGHTS.values() and name != own:
            raise ValueError(
                f"weights '{self.weights}' are not for method '{self.method}'; set segment.weights"
                f" as well (weights/{own})"
            )
        return self
