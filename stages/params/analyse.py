"""Section `analyse`: the statistics on the tidy tables."""

from typing import ClassVar

from pydantic import Field

from stages.params.base import Section


class AnalyseParams(Section):
    """Structures, clusters and resampling of the analysis."""

    section: ClassVar[str] = "analyse"
    structures: tuple[str, ...] = Field(min_length=1)
    exam_pattern: str | None  # regular expression with one group: the exam in a scan's name
