"""Section `mask`: which k-space samples are acquired."""

from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from stages.params.section import Section

Of = Literal["acquired", "full"]
"""The k-space samples that an acceleration counts as all: those that partial Fourier leaves, or the
full matrix."""
KindName = Literal[
    "challenge", "uniform_poisson", "variable_density_poisson", "equispaced", "random", "file"
]
READ = ("challenge", "file")
"""Kinds whose masks are read from `files`; all others draw them."""


class DiskParams(Section):
    """Options of masks around a fully sampled disk."""

    center_fraction: float = Field(gt=0, lt=1)  # of the samples of the full matrix, in the disk
    tolerance: float = Field(gt=0, lt=1)  # relative, between asked and drawn acceleration


class LineParams(Section):
    """Options of masks of whole phase-encoding lines."""

    axis: Literal["ky", "kz"]  # along which lines are left out
    center_fraction: float = Field(gt=0, lt=1)  # of the lines of the full matrix, in the centre


class FileParams(Section):
    """Options of masks that the user made."""

    tolerance: float = Field(gt=0, lt=1)  # relative, between `acceleration` and that of a mask


class MaskParams(Section):
    """A kind of masks, what all kinds share, and the options of each."""

    section: ClassVar[str] = "mask"
    kind: KindName
    acceleration: float = Field(ge=1)
    acceleration_of: Of
    seed: int = Field(ge=0)
    files: str | None  # masks that are read: a folder, or a file; null where they are drawn
    uniform_poisson: DiskParams
    variable_density_poisson: DiskParams
    equispaced: LineParams
    random: LineParams
    file: FileParams

    @field_validator("acceleration_of")
    @classmethod
    def _as_the_challenge_counts(cls, of: Of, info: ValidationInfo) -> Of:
        if info.data.get("kind") == "challenge" and of != "acquired":
            raise ValueError("expected 'acquired', as the challenge's files count")
        return of

    @field_validator("files")
    @classmethod
    def _only_where_masks_are_read(cls, files: str | None, info: ValidationInfo) -> str | None:
        kind = info.data.get("kind")
        if kind in READ and not files:
            raise ValueError(f"expected the folder or file of the masks, as kind {kind} reads them")
        if kind is not None and kind not in READ and files is not None:
            raise ValueError(f"expected null, as kind {kind} draws its masks")
        return files
