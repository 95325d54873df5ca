"""Counterfactual twins: simulated scans of one head, healthy and with a pathology, by their names.

A twin is called as its healthy head with the kind behind it, `headV001atrophy`. It has the mask of
the healthy head and belongs to the same exam.
"""

import re
from collections.abc import Iterable

HEALTHY = "healthy"
KINDS = ("atrophy", "lesions", "infarct", "tumour")
"""Names of the diseases in `stages/anatomy/diseases`."""
NAME = re.compile(rf"(?P<head>(?:sub-)?head[TV]\d{{3,}})(?P<kind>{'|'.join(KINDS)})")


def healthy_twin(name: str) -> str:
    """Return the name of the healthy twin, `name` itself for any scan that is no twin."""
    found = NAME.fullmatch(name)
    return found["head"] if found else name


def kind_of(name: str) -> str:
    """Return the pathology of a scan by its name, `healthy` for any scan that is no twin."""
    found = NAME.fullmatch(name)
    return found["kind"] if found else HEALTHY


def twin_name(head: str, kind: str) -> str:
    """Return the name of a head's scan with a pathology, or of the healthy head."""
    return head if kind == HEALTHY else f"{head}{kind}"


def twins(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return each scan with a pathology and its healthy twin, where both are among `names`."""
    known = list(dict.fromkeys(names))
    pairs = [(name, healthy_twin(name)) for name in known if kind_of(name) != HEALTHY]
    return [pair for pair in pairs if pair[1] in known]
