"""Section `external`: groups of images or volumes that others made."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from stages.params.named_groups import NamedGroups
from stages.params.section import ELSEWHERE, Section

GIVEN, REFERENCE = "files", "reference"  # a method of segmentation; a name of a group
SOURCES = ("table", "folder", "bids", "volumes")


class ExternalParams(Section):
    """Where a group's images or volumes lie, and what its members are."""

    table: str | None = None  # CSV: subject, member, image; session, labels if wanted
    folder: str | None = None  # or a folder, whose files `pattern` names
    bids: str | None = None  # or a BIDS data set, raw or derivative
    volumes: str | None = None  # or volumes alone: a table, or a folder of `.stats`
    pattern: str | None = None  # of file names in `folder`, with {subject}, {member}, {session}
    samples: Literal["crossed", "nested"] = "crossed"  # is member 3 the same network in all scans
    resample: Literal["off", "affine-only", "rigid"] = "off"  # images on another grid
    intensities: Literal["robust", "stored"] = "robust"  # one scale an image, or as they are

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected one of {', '.join(SOURCES)}")
        if (self.folder is None) != (self.pattern is None):
            raise ValueError("expected 'folder' and 'pattern' together")
        return self

    @property
    def imaged(self) -> bool:
        """Return whether there are images; otherwise volumes alone."""
        return self.volumes is None

    @property
    def source(self) -> Path:
        """Return the file or folder that it comes from."""
        return Path(next(str(getattr(self, n)) for n in SOURCES if getattr(self, n) is not None))


class ExternalSection(NamedGroups[ExternalParams]):
    """Every group from elsewhere by its name; `reference` is what the others are compared with."""

    section: ClassVar[str] = ELSEWHERE
    words: ClassVar[str] = "external group"
    __pydantic_extra__: dict[str, ExternalParams]

    def interpolated(self, *, target: bool, method: str | None) -> tuple[str, ...]:
        """Return the groups whose images are resampled, where that changes volumes.

        Args:
            target: whether there is a reference beside these groups.
            method: of segmentation; label maps that are given are measured on their own grid.
        """
        if method == GIVEN or not (target or REFERENCE in self.groups):
            return ()
        return tuple(
            name
            for name, params in self.groups.items()
            if params.imaged and params.resample != "off" and name != REFERENCE
        )
