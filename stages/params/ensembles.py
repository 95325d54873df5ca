"""Section `ensembles`: the member seeds of each group."""

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from stages.errors import StudyError
from stages.params.base import Section

SINGLE = ("reference", "zero_filled")  # groups with the one member 0
Seeds = Annotated[tuple[int, ...], Field(min_length=1)]


class EnsembleParams(Section):
    """Member seeds of each architecture and of the noise ensemble."""

    section: ClassVar[str] = "ensembles"
    unet: Seeds
    varnet: Seeds
    rim: Seeds
    noise: Seeds

    @field_validator("*")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise ValueError("seeds must be different and not negative")
        return seeds

    @property
    def architectures(self) -> tuple[str, ...]:
        """Groups whose members are trained networks."""
        return tuple(name for name in type(self).model_fields if name != "noise")

    @property
    def groups(self) -> tuple[str, ...]:
        """All groups of the study, single-member ones last."""
        return (*type(self).model_fields, *SINGLE)

    def members(self, group: str, *, at_least: int = 1) -> tuple[int, ...]:
        """Return a group's member seeds; raise `StudyError` for unknown groups or too few members."""
        if group in SINGLE:
            return (0,)
        if group not in type(self).model_fields:
            known = ", ".join(self.groups)
            raise StudyError(f"params.yaml: unknown group '{group}'; known: {known}")
        seeds = getattr(self, group)
        if len(seeds) < at_least:
            raise StudyError(
                f"params.yaml: 'ensembles.{group}': expected at least {at_least} members to measure"
                f" variability, got {list(seeds)}; add seeds"
            )
        return seeds
