"""Section `ensembles`: the member seeds of each group."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field

from stages.params.section import FILE, Section, parse, read, section_of, unknown_key
from stages.study import groups
from stages.study.errors import StudyError
from stages.study.groups import Group, GroupKind

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # of a group: it becomes the name of a folder


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise ValueError("seeds must differ and not be negative")
    return seeds


def _named_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("each baseline may stand here once")
    return names


Baseline = Literal[*groups.BASELINE.names]  # type: ignore[valid-type]  # their names are data
Baselines = Annotated[tuple[Baseline, ...], Field(min_length=1), AfterValidator(_named_once)]
Seeds = Annotated[tuple[int, ...], Field(min_length=1), AfterValidator(_distinct)]


class EnsembleParams(Section):
    """Member seeds of every architecture (a key of section `train`) and of the noise ensemble.

    Baselines learn nothing: each is a group with the one member 0.
    """

    model_config = ConfigDict(extra="allow")
    section: ClassVar[str] = "ensembles"
    __pydantic_extra__: dict[str, Seeds]
    noise: Seeds
    baselines: Baselines

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Read the section; an architecture that `train` does not know is an error."""
        content = read(path)
        seeds = section_of(content, cls.section, path)
        allowed = [*section_of(content, "train", path), *cls.model_fields]
        for group in seeds if isinstance(seeds, dict) else ():
            if group not in allowed:
                raise StudyError(unknown_key(path, f"{cls.section}.{group}", allowed))
            if not NAME.fullmatch(str(group)):
                raise StudyError(
                    f"{path}: '{cls.section}': expected names of letters, digits, '-' and '_',"
                    f" got {group!r}; rename it"
                )
        return parse(cls, cls.section, seeds, path)

    @property
    def all(self) -> tuple[Group, ...]:
        """Every group of the study, in the order of its tables."""
        return (
            *(
                Group(name, groups.ENSEMBLE, seeds)
                for name, seeds in self.__pydantic_extra__.items()
            ),
            Group(groups.ADDED_NOISE, groups.NOISE, self.noise),
            groups.FULLY_SAMPLED,
            *(Group(name, groups.BASELINE, (0,)) for name in self.baselines),
        )

    def named(self, *, of: Callable[[GroupKind], bool]) -> tuple[str, ...]:
        """Return the names of the groups whose kind is so."""
        return tuple(group.name for group in self.all if of(group.kind))

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of all groups."""
        return self.named(of=lambda kind: True)

    @property
    def architectures(self) -> tuple[str, ...]:
        """Names of the groups whose members are trained networks."""
        return self.named(of=lambda kind: kind.trained)

    @property
    def variable(self) -> tuple[str, ...]:
        """Names of the groups with several members."""
        return self.named(of=lambda kind: kind.repeated)

    @property
    def compared(self) -> tuple[str, ...]:
        """Names of the groups that are compared with the fully sampled images."""
        return self.named(of=lambda kind: not kind.target)

    @property
    def scored(self) -> tuple[str, ...]:
        """Names of the groups whose image quality is a result."""
        return self.named(of=lambda kind: kind.scored)

    def group(self, name: str, *, at_least: int = 1) -> Group:
        """Return the group of a name.

        Args:
            name: of the group.
            at_least: members that a group whose kind has several must have.

        Raises:
            StudyError: if there is none, or it has fewer than `at_least` members.
        """
        found = next((group for group in self.all if group.name == name), None)
        if found is None:
            known = ", ".join(self.groups)
            raise StudyError(f"params.yaml: unknown group '{name}'; known: {known}")
        if found.kind.repeated and len(found.members) < at_least:
            raise StudyError(
                f"params.yaml: 'ensembles.{name}': expected at least {at_least} members to measure"
                f" variability, got {list(found.members)}; add seeds"
            )
        return found

    def members(self, group: str, *, at_least: int = 1) -> tuple[int, ...]:
        """Return the member seeds of a group; `StudyError` as `group`."""
        return self.group(group, at_least=at_least).members
