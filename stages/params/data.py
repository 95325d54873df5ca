"""Section `data`: how the scans lie on disk."""

from pathlib import Path, PurePath
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from stages.params.section import Section
from stages.study import layout

LEARNED = (
    "format",
    "train",
    "train_files",
    "partial_fourier",
    "acquired",
    "centred_transform",
    "n_coils",
)
"""Keys that a training depends on."""
OF_EACH = "as each file states"


def _below(folder: str) -> str:
    parts = PurePath(folder).parts
    if not parts or PurePath(folder).is_absolute() or ".." in parts or "\0" in folder:
        raise ValueError("expected a folder below data/")
    return folder


Folder = Annotated[str, AfterValidator(_below)]
Millimetres = Annotated[float, Field(gt=0)] | None


class DataParams(Section):
    """Folders below `data/` and what the files do not say about themselves; null: as they say."""

    section: ClassVar[str] = "data"
    format: Literal["calgary_campinas", "fastmri", "ismrmrd"]
    train: Folder
    validation: Folder
    # anatomical directions towards which the indices of (slices, ky, kz) increase
    axis_codes: str | None
    voxel_size_mm: tuple[Millimetres, Millimetres, Millimetres]  # (slices, ky, kz)
    train_files: tuple[str, ...] | None  # names in the folder; null: all
    validation_files: tuple[str, ...] | None
    monitor_files: tuple[str, ...] | None  # of the validation folder; null: the validation scans
    partial_fourier: float | None = Field(gt=0.5, le=1)  # partial-Fourier fraction along kz
    acquired: Literal["columns", "ellipse", "nonzero"]  # positions of the acquired columns
    # origin of the images in the middle (fastMRI, BART), not at index 0; null: as the format has it
    centred_transform: bool | None
    n_coils: int | None = Field(ge=1)

    @property
    def parts(self) -> dict[str, tuple[Path, tuple[str, ...] | None]]:
        """Folder and names of the scans of each part of the cohort (None: all of the folder).

        Monitor scans give the validation curves of a training. They are the validation scans unless
        the parameters name others.
        """
        others = self.validation_files if self.monitor_files is None else self.monitor_files
        return {
            layout.TRAIN: (layout.DATA / self.train, self.train_files),
            layout.VALIDATION: (layout.DATA / self.validation, self.validation_files),
            layout.MONITOR: (layout.DATA / self.validation, others),
        }

    def learned_from(self) -> dict[str, object]:
        """Return what a training depends on, as JSON: nothing of the other scans."""
        return self.model_dump(mode="json", include=set(LEARNED))
