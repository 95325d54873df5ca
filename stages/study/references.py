"""A work that the study cites."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A work, and where it is found."""

    text: str
    """Authors, title, journal, year, volume and pages."""
    link: str
