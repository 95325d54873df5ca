"""Section `analyse`: the statistics on the tidy tables."""

import re
from typing import Annotated, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from stages.params.section import Section
from stages.study.structures import PARCELS, STRUCTURES, unknown

Share = Annotated[float, Field(gt=0, lt=1)]


class TrialParams(Section):
    """A trial of two arms that compares rates of hippocampal atrophy."""

    trial_years: float = Field(gt=0)
    atrophy_percent_per_year: float = Field(gt=0)  # mean of the untreated arm
    control_percent_per_year: float = Field(ge=0)  # mean of normal ageing
    atrophy_sd_percent_per_year: float = Field(gt=0)  # of true rates between patients
    slowing: float = Field(gt=0, le=1)  # fraction of the rate beyond ageing that treatment removes
    power: Share
    alpha: Share

    @property
    def disease_percent_per_year(self) -> float:
        """Return the mean rate of the untreated arm beyond that of normal ageing."""
        return self.atrophy_percent_per_year - self.control_percent_per_year

    @model_validator(mode="after")
    def _beyond_ageing(self) -> Self:
        if not self.disease_percent_per_year > 0:
            raise ValueError(
                "expected 'atrophy_percent_per_year' above 'control_percent_per_year', the rate of"
                " normal ageing, which no treatment slows"
            )
        return self


class AnalyseParams(Section):
    """Structures, clusters and plots of the analysis."""

    section: ClassVar[str] = "analyse"
    structures: tuple[str, ...] = Field(min_length=1)
    subject_pattern: str | None  # regular expression with one group: the subject in a scan's name
    subject_table: str | None  # CSV with columns scan, subject; goes before the pattern
    curve_points: int = Field(ge=2)  # points a member in the plotted training curves
    seed: int
    bootstrap_draws: int = Field(ge=1)  # of subjects
    permutations: int = Field(ge=1)  # of subjects
    subsets: int = Field(ge=1)  # of members: split halves for the noise ceiling, smaller ensembles
    level: Share  # of confidence
    alpha: Annotated[float, Field(gt=0, lt=0.5)]  # that conformal intervals may miss
    outlier_threshold: float = Field(gt=0)  # robust z
    trial: TrialParams

    @field_validator("structures")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [entry.name for entry in STRUCTURES + PARCELS]
        for name in names:
            if name not in known:
                raise ValueError(unknown(name))
        if len(set(names)) < len(names):
            raise ValueError("structures must be different")
        return names

    @field_validator("subject_pattern")
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
