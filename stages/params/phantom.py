"""Section `phantom`: the simulated cohort."""

from typing import ClassVar

from pydantic import Field

from stages.params.base import Section


class PhantomParams(Section):
    """How many digital heads are scanned, and how."""

    section: ClassVar[str] = "phantom"
    seed: int = Field(ge=0)
    n_train: int = Field(ge=1)
    n_validation: int = Field(ge=1)
    grid: tuple[int, int, int]  # (slices, ky, kz)
    voxel_size_mm: float = Field(gt=0)
    n_coils: int = Field(ge=1)
    snr: float = Field(gt=0)  # white matter, combined image of the fully sampled scan
    partial_fourier: float = Field(gt=0.5, le=1)
    label_maps: str | None  # folder of FreeSurfer-labelled NIfTI maps, or the procedural head
