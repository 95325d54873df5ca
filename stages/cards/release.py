"""The release that a card belongs to, as in CITATION.cff."""

from stages.storage.bids import VERSION

DATE = "2026-11-28"
LINE = f"Version {VERSION}, {DATE}."
