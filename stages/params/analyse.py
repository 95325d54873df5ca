"""Section `analyse`: the statistics on the tidy tables."""

import re
from typing import ClassVar

from pydantic import Field, field_validator

from stages.params.base import Section
from stages.structures import STRUCTURES


class AnalyseParams(Section):
    """Structures, clusters and plots of the analysis."""

    section: ClassVar[str] = "analyse"
    structures: tuple[str, ...] = Field(min_length=1)
    exam_pattern: (
        str | None
    )  # regular expression with one group: the person's exam in a scan's name
    curve_points: int = Field(ge=2)  # points a member in the plotted training curves

    @field_validator("structures")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [entry.name for entry in STRUCTURES]
        for name in names:
            if name not in known:
                raise ValueError(f"unknown structure '{name}'; known: {', '.join(known)}")
        if len(set(names)) < len(names):
            raise ValueError("structures must be different")
        return names

    @field_validator("exam_pattern")
    @classmethod
    def _one_group(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        try:
            n_groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"expected a regular expression, {error}") from None
        if n_groups != 1:
            raise ValueError(f"expected a regular expression with one group, it has {n_groups}")
        return pattern
