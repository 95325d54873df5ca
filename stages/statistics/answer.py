"""What the study's questions are answered by: numbers, and the tables that they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

type Tree = dict[str, Any]
"""The content of a metrics file: nested, leaves are numbers (NaN where undefined) or texts."""


@dataclass(frozen=True)
class Answer:
    """The answer to one question; NaN marks what could not be computed."""

    metrics: Tree = field(default_factory=dict)
    """Of the question's metrics file; a question without numbers has no such file."""

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Name -> tidy table."""

    undefined: tuple[str, ...] = ()
    """What the metrics leave out beside their own NaN."""

    skipped: str = ""
    """Why the question was not asked; nothing where it was."""


def look_up(tree: Mapping[str, Any], *keys: str) -> Any:
    """Return what stands at the end of a path of keys, None where there is nothing."""
    part: Any = tree
    for key in keys:
        if not isinstance(part, Mapping) or key not in part:
            return None
        part = part[key]
    return part
