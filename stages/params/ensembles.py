"""Section `ensembles`: the member seeds of each group."""

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field

from stages.params.section import FILE, Section, parse, read, section_of, unknown_key
from stages.study.errors import StudyError

NOISE, BASELINES = "noise", "baselines"  # keys that are no architectures
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # of a group: it becomes the name of a folder
REFERENCE = "reference"  # the fully sampled images


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise ValueError("seeds must differ and not be negative")
    return seeds


def _named_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("each baseline may stand here once")
    return names


Baseline = Literal["zero_filled", "compressed_sensing"]
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
        allowed = [*section_of(content, "train", path), NOISE, BASELINES]
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
    def architectures(self) -> tuple[str, ...]:
        """Groups whose members are trained networks."""
        return tuple(self.__pydantic_extra__)

    @property
    def single(self) -> tuple[str, ...]:
        """Groups of one member, which have no variability."""
        return (REFERENCE, *self.baselines)

    @property
    def groups(self) -> tuple[str, ...]:
        """All groups of the study, single-member ones last."""
        return (*self.architectures, NOISE, *self.single)

    def members(self, group: str, *, at_least: int = 1) -> tuple[int, ...]:
        """Return the member seeds of a group.

        Raises:
            StudyError: if the group is unknown or has fewer than `at_least` members.
        """
        if group in self.single:
            return (0,)
        if group not in self.groups:
            known = ", ".join(self.groups)
            raise StudyError(f"params.yaml: unknown group '{group}'; known: {known}")
        seeds: tuple[int, ...] = getattr(self, group)
        if len(seeds) < at_least:
            raise StudyError(
                f"params.yaml: 'ensembles.{group}': expected at least {at_least} members to measure"
                f" variability, got {list(seeds)}; add seeds"
            )
        return seeds
