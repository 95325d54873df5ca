"""Section `draws`: repeated reconstructions of each scan by one trained network."""

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from stages.params.external import NAME
from stages.params.section import FILE, Section, parse, read
from stages.params.seeds import Seeds
from stages.study import groups
from stages.study.errors import StudyError
from stages.study.groups import Group, GroupKind

Method = Literal["replicas", "subsets", "transforms", "masks", "dropout", "snapshots", "swag"]
KINDS: dict[Method, GroupKind] = {
    "replicas": groups.DRAWN,
    "subsets": groups.DRAWN_MASKS,
    "transforms": groups.DRAWN,
    "masks": groups.DRAWN_MASKS,
    "dropout": groups.DRAWN,
    "snapshots": groups.DRAWN_WEIGHTS,
    "swag": groups.DRAWN_WEIGHTS,
}
"""What the members of a group by a method share, and in what they differ."""
OPTIONS: dict[str, tuple[Method, ...]] = {
    "kept": ("subsets",),
    "shift_voxels": ("transforms",),
    "rate": ("dropout",),
    "last": ("swag",),
}
"""Option -> the methods that it belongs to."""
NETWORK = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*)/(\d+)")  # group and seed of a member


class DrawsParams(Section):
    """One network, how its reconstruction is repeated, and the members."""

    of: str  # group and member, unet/0
    method: Method
    members: Annotated[Seeds, Field(min_length=2)]  # of snapshots: 0 is the last, 1 the one before
    kept: float = Field(default=0.9, gt=0, lt=1)  # of the samples outside the calibration region
    shift_voxels: float = Field(default=0.5, ge=0)  # largest shift along ky and along kz
    rate: float | None = Field(default=None, gt=0, lt=1)  # of dropout; null: that of the training
    last: int = Field(default=4, ge=2)  # snapshots that the Gaussian is around

    @model_validator(mode="after")
    def _own_options(self) -> Self:
        if not NETWORK.fullmatch(self.of):
            raise ValueError("expected 'of' to name a group and a member, such as unet/0")
        for name, methods in OPTIONS.items():
            if name in self.model_fields_set and self.method not in methods:
                raise ValueError(
                    f"expected no '{name}' of method {self.method}: it is an option of"
                    f" {' and '.join(methods)}"
                )
        return self

    @property
    def network(self) -> tuple[str, int]:
        """Return group and seed of the network."""
        group, seed = self.of.split("/")
        return group, int(seed)


class DrawsSection(Section):
    """Every group of draws by its name."""

    model_config = ConfigDict(extra="allow")
    section: ClassVar[str] = "draws"
    __pydantic_extra__: dict[str, DrawsParams]

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
    def groups(self) -> dict[str, DrawsParams]:
        """Return the groups in their order."""
        return dict(self.__pydantic_extra__)

    @property
    def all(self) -> tuple[Group, ...]:
        """Return the groups as the study knows them."""
        return tuple(
            Group(
                name,
                KINDS[one.method],
                one.members,
                crossed=not KINDS[one.method].nested,
                of_group=one.network[0],
                method=one.method,
            )
            for name, one in self.groups.items()
        )

    def group(self, name: str) -> DrawsParams:
        """Return a group; `StudyError` if there is none of this name."""
        if name not in self.groups:
            known = ", ".join(self.groups) or "none"
            raise StudyError(f"params.yaml: unknown group of draws '{name}'; known: {known}")
        return self.groups[name]

    def check(self, ensembles: dict[str, tuple[int, ...]], taken: set[str], path: Path) -> None:
        """Raise `StudyError` if a group has a name of another, or draws from an unknown network.

        Args:
            ensembles: groups of trained networks, and their seeds.
            taken: names of all other groups.
            path: of the parameters, for messages.
        """
        for name, one in self.groups.items():
            if name in taken:
                raise StudyError(
                    f"{path}: 'draws.{name}': expected a name that no other group has; rename it"
                )
            group, seed = one.network
            if seed not in ensembles.get(group, ()):
                known = ", ".join(f"{g}/{s}" for g, seeds in ensembles.items() for s in seeds)
                raise StudyError(
                    f"{path}: 'draws.{name}.of': expected a member that the study trains, one of"
                    f" {known or 'none'}, got {one.of}; correct it"
                )
