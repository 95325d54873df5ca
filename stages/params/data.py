"""Section `data`: how the scans lie on disk."""

from typing import Annotated, ClassVar

from pydantic import Field

from stages.params.base import Section

Millimetres = Annotated[float, Field(gt=0)]


class DataParams(Section):
    """Folders below `data/` and what the Calgary-Campinas files do not say about themselves."""

    section: ClassVar[str] = "data"
    train: str
    validation: str
    axis_codes: str  # anatomical directions towards which the indices of (slices, ky, kz) increase
    voxel_size_mm: tuple[Millimetres, Millimetres, Millimetres]  # (slices, ky, kz)
    train_files: tuple[str, ...] | None  # names in the folder; null: all
    validation_files: tuple[str, ...] | None
    partial_fourier: float = Field(gt=0.5, le=1)  # acquired part of the columns (kz)
    n_coils: int = Field(ge=1)
