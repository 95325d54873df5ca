"""Section `segment`: the segmenter that measures the volumes."""

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from stages.params.section import Section
from stages.segmenters.catalogue import KINDS, fault_of
from stages.segmenters.protocol import NO_WEIGHTS


class PerturbationParams(Section):
    """Shifted copies of every image of an ensemble that are segmented, too."""

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
    method: str  # a name of the catalogue of segmenters
    weights: str  # a file of weights, or an atlas
    mode: Literal["standard", "robust"]  # of SynthSeg
    fast: bool  # SynthSeg without mirrored image and topology step
    parcellation: str = NO_WEIGHTS  # SynthSeg's official file, whose parcels divide the cortex
    networks: str = NO_WEIGHTS  # folder of SynthSeg's weights that segment shifted copies in turn
    perturbations: PerturbationParams
    labels: str | None = None  # TSV (index, name) of the labels of methods files and command
    command: str | None = None  # of method command, with {image}, {labels} and, if made, {volumes}

    @property
    def once(self) -> Self:
        """Return the same without shifted copies."""
        shifts = self.perturbations.model_copy(update={"draws": 0})
        return self.model_copy(update={"perturbations": shifts})

    @field_validator("method")
    @classmethod
    def _known(cls, method: str) -> str:
        if method not in KINDS:
            raise ValueError(f"expected {' or '.join(KINDS)}")
        return method

    @model_validator(mode="after")
    def _weights_of_the_method(self) -> "SegmentParams":
        if fault := fault_of(self):
            raise ValueError(fault)
        return self
