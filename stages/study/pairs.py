"""Pathological phantoms and their matched healthy phantoms: one anatomy, paired by name.

A pathological phantom is called as its healthy one with the kind behind it, `headV001atrophy`. It
has the mask of the healthy phantom and belongs to the same subject. So does a scan into which a
disease was put (`stages/implantation`), `e1s3P5implantlesions01`, with the scan that it was.
"""

import re
from collections.abc import Iterable

HEALTHY = "healthy"
NAME = re.compile(r"(?P<head>(?:sub-)?head[TV]\d{3,})(?P<kind>[a-z]+)")
IMPLANTED = re.compile(r"(?P<head>.+)implant(?P<kind>[a-z]+)\d{2,}")


def matched_healthy(name: str) -> str:
    """Return the name of the matched healthy phantom; `name` itself for any other scan."""
    found = _matched(name)
    return found["head"] if found else name


def kind_of(name: str) -> str:
    """Return the pathology of a scan by its name, `healthy` for any other scan."""
    found = _matched(name)
    return found["kind"] if found else HEALTHY


def phantom_name(head: str, kind: str) -> str:
    """Return the name of a head's scan with a pathology, or of the healthy head."""
    return head if kind == HEALTHY else f"{head}{kind}"


def implanted_name(scan: str, kind: str, number: int) -> str:
    """Return the name of a scan into which a disease was put; its doses are numbered from 1."""
    return f"{scan}implant{kind}{number:02d}"


def matched_pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return each pathological phantom and its matched healthy one, if both are among `names`."""
    known = list(dict.fromkeys(names))
    pairs = [(name, matched_healthy(name)) for name in known if kind_of(name) != HEALTHY]
    return [pair for pair in pairs if pair[1] in known]


def _matched(name: str) -> re.Match[str] | None:
    return IMPLANTED.fullmatch(name) or NAME.fullmatch(name)
