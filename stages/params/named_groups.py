"""Sections of groups that the user names: `draws` and `external`."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Self

from pydantic import ConfigDict

from stages.params.section import FILE, Section, parse, read
from stages.study.errors import StudyError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # of a group: it becomes the name of a folder


def check_names(names: Iterable[object], section: str, path: Path) -> None:
    """Raise `StudyError` if a name cannot be that of a folder."""
    for name in names:
        if not NAME.fullmatch(str(name)):
            raise StudyError(
                f"{path}: '{section}': expected names of letters, digits, '-' and '_',"
                f" got {name!r}; rename it"
            )


class NamedGroups[G: Section](Section):
    """Every group of a kind by its name; a study without the section has no such groups."""

    model_config = ConfigDict(extra="allow")
    words: ClassVar[str]  # for one of the groups
    __pydantic_extra__: dict[str, G]

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Read the section; `StudyError` as `Section.load`, or if a name is none of a folder."""
        content = read(path).get(cls.section, {})
        check_names(content if isinstance(content, dict) else (), cls.section, path)
        return parse(cls, cls.section, content, path)

    @property
    def groups(self) -> dict[str, G]:
        """Return the groups in their order."""
        return dict(self.__pydantic_extra__)

    def group(self, name: str) -> G:
        """Return a group; `StudyError` if there is none of this name."""
        if name not in self.groups:
            known = ", ".join(self.groups) or "none"
            raise StudyError(f"params.yaml: unknown {self.words} '{name}'; known: {known}")
        return self.groups[name]
