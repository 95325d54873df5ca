"""The release that a card belongs to, as in CITATION.cff."""

from stages.storage.bids import VERSION

DATE = "2026-11-23"
LINE = f"Version {VERSION}, {DATE}."
