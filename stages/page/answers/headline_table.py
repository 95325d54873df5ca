"""The numbers behind the answers, one row an architecture, as the HTML report prints them."""

from collections.abc import Mapping

import pandas as pd

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import number, span
from stages.figures.kit.titles import title
from stages.page.answers.predictability import primary


def headline(facts: Facts) -> pd.DataFrame:
    """Return the numbers behind the answers, one row an architecture, as they are printed."""
    return pd.DataFrame([_row(facts, group) for group in facts.groups])


def _row(facts: Facts, group: str) -> dict[str, str]:
    return {
        "architecture": title(group),
        "members": str(len(facts.members[group])),
        "PSNR (dB)": number(facts.get("image_quality", group, "psnr", "mean"), 1),
        "median CV (%)": _with_ends(facts.get("volumes", group, "cv"), "median"),
        "median absolute bias (%)": _with_ends(
            facts.get("volumes", group, "absolute_bias"), "median"
        ),
        "slope of ln CV on ln SD": _with_ends(primary(facts).get(group), "value"),
    }


def _with_ends(found: Mapping[str, float] | None, key: str) -> str:
    found = found or {}
    value = number(found.get(key))
    return f"{value} ({span(found['low'], found['high'])})" if "low" in found else value
