"""Seeds that depend on names and numbers only, never on paths or on Python's salted hash."""

import hashlib

SEED_BYTES = 4  # what numpy's RandomState and torch's generators both take


def stable_seed(*parts: str | int) -> int:
    """Return an integer in [0, 2^32) that is a fixed function of the parts, e.g. (scan, seed)."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:SEED_BYTES], "little")
