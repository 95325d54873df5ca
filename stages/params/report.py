"""Section `report`: what the figures and the HTML report show."""

from typing import ClassVar

from pydantic import Field

from stages.params.section import Section


class ReportParams(Section):
    """Choices of the figures and the HTML report; no number depends on them."""

    section: ClassVar[str] = "report"
    architecture: str  # whose members figure 1 shows
    n_members: int = Field(ge=2)  # how many of them
    n_scans: int | None = Field(ge=1)  # whose pictures the report holds; null: all
