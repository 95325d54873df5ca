"""Section `external`: groups of images or volumes that others made."""

import re
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import ConfigDict, model_validator

from stages.params.section import ELSEWHERE, FILE, Section, parse, read
from stages.study.errors import StudyError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # of a group: it becomes the name of a folder
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


class ExternalSection(Section):
    """Every group from elsewhere by its name; `reference` is what the others are compared with."""

    model_config = ConfigDict(extra="allow")
    section: ClassVar[str] = ELSEWHERE
    __pydantic_extra__: dict[str, ExternalParams]

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Read the section; a study without it has no such groups."""
        content = read(path).get(cls.section, {})
        for group in content if isinstance(content, dict) else ():
            if not NAME.fullmatch(str(group)):
                raise StudyError(
                    f"{path}: '{cls.section}': expected names of letters, digits, '-' and '_',"
                    f" got {group!r}; rename it"
                )
        return parse(cls, cls.section, content, path)

    @property
    def groups(self) -> dict[str, ExternalParams]:
        """Return the groups in their order."""
        return dict(self.__pydantic_extra__)

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

    def group(self, name: str) -> ExternalParams:
        """Return a group; `StudyError` if there is none of this name."""
        if name not in self.groups:
            known = ", ".join(self.groups) or "none"
            raise StudyError(f"params.yaml: unknown external group '{name}'; known: {known}")
        return self.groups[name]
