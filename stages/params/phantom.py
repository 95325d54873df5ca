"""Section `phantom`: the simulated cohort."""

from typing import ClassVar

from pydantic import Field, field_validator

from stages.params.base import Section


class PhantomParams(Section):
    """How many digital heads are scanned, and how."""

    section: ClassVar[str] = "phantom"
    seed: int = Field(ge=0)
    n_train: int = Field(ge=1)
    n_validation: int = Field(ge=1)
    grid: tuple[int, int, int]  # (slices, ky, kz)
    voxel_size_mm: float = Field(ge=1)  # a whole number: the heads are built of 1 mm voxels
    n_coils: int = Field(ge=1)
    snr: float = Field(gt=0)  # white matter, combined image of the fully sampled scan
    partial_fourier: float = Field(gt=0.5, le=1)
    inversion_ms: float = Field(gt=0)  # of the inversion-recovery gradient echo
    repetition_ms: float = Field(gt=0)
    t1_spread: float = Field(ge=0, lt=0.5)  # log-SD of a tissue's T1 between subjects
    texture: float = Field(ge=0, lt=0.5)  # relative SD of the signal within a tissue
    bias_field: float = Field(ge=0, lt=1)  # log-SD
    label_maps: str | None  # folder of FreeSurfer-labelled NIfTI maps, or the procedural head

    @field_validator("grid")
    @classmethod
    def _large_enough(cls, grid: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(grid) < 8:
            raise ValueError("expected at least 8 voxels along each axis")
        return grid

    @field_validator("voxel_size_mm")
    @classmethod
    def _whole(cls, size: float) -> float:
        if size != round(size):
            raise ValueError("expected a whole number of mm")
        return size
