"""Section `draws`: repeated reconstructions of each scan by one trained network."""

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stages.params.named_groups import NamedGroups
from stages.params.section import Section
from stages.params.seeds import Seeds
from stages.study import groups
from stages.study.errors import StudyError
from stages.study.groups import Group, GroupKind

Method = Literal[
    "replicas", "subsets", "transforms", "masks", "dropout", "snapshots", "swag", "rescans"
]
KINDS: dict[Method, GroupKind] = {
    "replicas": groups.DRAWN,
    "subsets": groups.DRAWN_MASKS,
    "transforms": groups.DRAWN,
    "masks": groups.DRAWN_MASKS,
    "dropout": groups.DRAWN,
    "snapshots": groups.DRAWN_WEIGHTS,
    "swag": groups.DRAWN_WEIGHTS,
    "rescans": groups.RESCANS,
}
"""What the members of a group by a method share, and in what they differ."""
OPTIONS: dict[str, tuple[Method, ...]] = {
    "kept": ("subsets",),
    "shift_voxels": ("transforms",),
    "rate": ("dropout",),
    "last": ("swag",),
    "shift_mm": ("rescans",),
    "rotation_degrees": ("rescans",),
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
    shift_mm: float = Field(default=3.0, ge=0)  # largest of the head along each axis; assumed
    rotation_degrees: float = Field(default=2.0, ge=0, le=30)  # largest about each axis; assumed

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


class DrawsSection(NamedGroups[DrawsParams]):
    """Every group of draws by its name."""

    section: ClassVar[str] = "draws"
    words: ClassVar[str] = "group of draws"
    __pydantic_extra__: dict[str, DrawsParams]

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
