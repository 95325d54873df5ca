"""Section `ensembles`: the member seeds of each group."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, PrivateAttr

from stages.params.draws import DrawsSection
from stages.params.external import ExternalSection
from stages.params.named_groups import check_names
from stages.params.section import FILE, Section, parse, read, section_of, unknown_key
from stages.params.seeds import Seeds
from stages.study import groups, layout, schema
from stages.study.errors import StudyError
from stages.study.groups import Group, GroupKind


def _named_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("each baseline may stand here once")
    return names


Baseline = Literal[*groups.BASELINE.names]  # type: ignore[valid-type]  # their names are data
Baselines = Annotated[tuple[Baseline, ...], Field(min_length=1), AfterValidator(_named_once)]


class EnsembleParams(Section):
    """Member seeds of every architecture (a key of section `train`) and of the noise ensemble.

    Baselines are non-learned: each is a group with the one member 0. A study of images or volumes
    from elsewhere alone (section `external`) has neither this section nor `train`.
    """

    model_config = ConfigDict(extra="allow")
    section: ClassVar[str] = "ensembles"
    __pydantic_extra__: dict[str, Seeds]
    noise: Seeds = ()
    baselines: Baselines = ()
    _external: tuple[Group, ...] = PrivateAttr(default=())
    _draws: tuple[Group, ...] = PrivateAttr(default=())
    _alone: bool = PrivateAttr(default=False)  # groups from elsewhere, and nothing else
    _controls: tuple[Group, ...] = PrivateAttr(default=())  # of those that are resampled

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Read the section; an architecture that `train` does not know is an error."""
        content, external = read(path), ExternalSection.load(path)
        draws = DrawsSection.load(path)
        alone = bool(external.groups) and not {cls.section, "train"} & {*content}
        seeds = {} if alone else section_of(content, cls.section, path)
        allowed = [] if alone else [*section_of(content, "train", path), *cls.model_fields]
        for group in seeds if isinstance(seeds, dict) else ():
            if group not in allowed:
                raise StudyError(unknown_key(path, f"{cls.section}.{group}", allowed))
            check_names([group], cls.section, path)
        found = parse(cls, cls.section, seeds, path)
        for name in () if alone else cls.model_fields:
            if name not in seeds:
                raise StudyError(
                    f"{path}: expected a value for '{cls.section}.{name}', found none; add it"
                )
        whole = found.joined(external, path, alone=alone, method=_method(content))
        return whole.with_draws(draws, path)

    def with_draws(self, draws: DrawsSection, path: Path = FILE) -> Self:
        """Return these groups and those of draws; `StudyError` if they do not fit."""
        draws.check(dict(self.__pydantic_extra__), {*self.groups, *groups.BASELINE.names}, path)
        found = self.model_copy()
        found._draws = draws.all
        return found

    def joined(
        self, external: ExternalSection, path: Path, *, alone: bool, method: str | None = None
    ) -> Self:
        """Return these groups and those from elsewhere; `StudyError` if two have one name.

        Args:
            external: groups from elsewhere.
            path: of the parameters, for messages.
            alone: whether there are no others.
            method: of segmentation.
        """
        taken = {*self.__pydantic_extra__, *groups.BASELINE.names, groups.ADDED_NOISE}
        taken |= set() if alone else {groups.FULLY_SAMPLED.name}
        taken |= {groups.interpolation_of(name).name for name in external.groups}
        if twice := [name for name in external.groups if name in taken]:
            raise StudyError(
                f"{path}: 'external.{twice[0]}': expected a name that no other group has; rename it"
            )
        found = self.model_copy()
        found._external = tuple(
            groups.external(
                name, _pairs(name), crossed=params.samples == "crossed", imaged=params.imaged
            )
            for name, params in external.groups.items()
        )
        found._alone = alone
        found._controls = tuple(
            groups.interpolation_of(name)
            for name in external.interpolated(target=not alone, method=method)
        )
        return found

    def control_of(self, name: str) -> Group | None:
        """Return the group that shows what interpolation does to volumes of a group, if any."""
        own = groups.interpolation_of(name)
        return own if own in self._controls else None

    @property
    def all(self) -> tuple[Group, ...]:
        """Every group of the study, in the order of its tables."""
        if self._alone:
            return (*self._external, *self._controls)
        return (
            *(
                Group(name, groups.ENSEMBLE, seeds)
                for name, seeds in self.__pydantic_extra__.items()
            ),
            Group(groups.ADDED_NOISE, groups.NOISE, self.noise),
            groups.FULLY_SAMPLED,
            *(Group(name, groups.BASELINE, (0,)) for name in self.baselines),
            *self._draws,
            *self._external,
            *self._controls,
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
    def studied(self) -> tuple[str, ...]:
        """Names of the groups that the study is about: networks, and groups from elsewhere."""
        return self.named(of=lambda kind: kind.studied)

    @property
    def ensembles(self) -> tuple[str, ...]:
        """Names of those of them with several members."""
        return self.named(of=lambda kind: kind.studied and kind.repeated)

    @property
    def target(self) -> Group | None:
        """The group that the others are compared with; None if there is none."""
        return next((group for group in self.all if group.kind.target), None)

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

    @property
    def imaged(self) -> tuple[str, ...]:
        """Names of the groups with images, in the order of the study."""
        return tuple(group.name for group in self.all if group.imaged)

    @property
    def aligned(self) -> tuple[str, ...]:
        """Names of those of them whose images lie as the reference's do."""
        return tuple(group.name for group in self.all if group.aligned)

    def members(self, group: str, *, at_least: int = 1) -> tuple[int, ...]:
        """Return the member seeds of a group; `StudyError` as `group`."""
        return self.group(group, at_least=at_least).members


def _method(content: dict[str, Any]) -> str | None:
    part = content.get("segment")
    return part.get("method") if isinstance(part, dict) else None


def _pairs(group: str) -> list[tuple[int, str]]:
    """Return member and scan of each image of a group from elsewhere; none before it is read."""
    path = layout.members(group)
    if not path.exists():
        return []
    from stages.storage.tables import read_table  # pandas, which other studies need not wait for

    table = read_table(path, schema.MEMBERS.columns, text=["subject", "name", "person"])
    return list(zip(table["member"].astype(int), table["subject"], strict=True))
