"""Section `data`: how the scans lie on disk."""

from pathlib import PurePath
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from stages.params.section import Section


def _below(folder: str) -> str:
    parts = PurePath(folder).parts
    if not parts or PurePath(folder).is_absolute() or ".." in parts or "\0" in folder:
        raise ValueError("expected a folder below data/")
    return folder


Folder = Annotated[str, AfterValidator(_below)]
Millimetres = Annotated[float, Field(gt=0)]


class DataParams(Section):
    """Folders below `data/` and what the Calgary-Campinas files do not say about themselves."""

    section: ClassVar[str] = "data"
    train: Folder
    validation: Folder
    axis_codes: str  # anatomical directions towards which the indices of (slices, ky, kz) increase
    voxel_size_mm: tuple[Millimetres, Millimetres, Millimetres]  # (slices, ky, kz)
    train_files: tuple[str, ...] | None  # names in the folder; null: all
    validation_files: tuple[str, ...] | None
    partial_fourier: float = Field(gt=0.5, le=1)  # acquired part of the columns (kz)
    acquired: Literal["columns", "ellipse", "nonzero"]  # positions of the acquired columns
    centred_transform: bool  # origin of the images in the middle (fastMRI, BART), not at index 0
    n_coils: int = Field(ge=1)
