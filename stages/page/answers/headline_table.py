"""The numbers behind the answers, one row an architecture, as the HTML report prints them.

R² of the CV stands beside no noise ceiling: that is one of ln CV.
"""

from collections.abc import Mapping

import pandas as pd

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import number, span
from stages.figures.kit.titles import title
from stages.page.answers.most_biased import largest_bias
from stages.page.answers.predictability import correlations, interval


def headline(facts: Facts) -> pd.DataFrame:
    """Return the numbers behind the answers, one row an architecture, as they are printed."""
    return pd.DataFrame([_row(facts, group) for group in facts.groups])


def _row(facts: Facts, group: str) -> dict[str, str]:
    r2 = facts.get("prediction", group, "r2") or {}
    within = correlations(facts).get(group, {})
    alone = facts.get("surrogates", group, "std_mean", "pooled_r2")
    return {
        "architecture": title(group),
        "members": str(len(facts.members[group])),
        "PSNR (dB)": number(facts.get("image_quality", group, "psnr", "mean"), 1),
        "median CV (%)": _cv(facts.get("volumes", group, "cv") or {}),
        "largest bias (%)": largest_bias(facts, group),
        "R² histogram": number(r2.get("histogram")),
        "R² summary": number(r2.get("summary")),
        "R² mean SD alone": number(alone),
        "r within structures, halves": interval(within),
    }


def _cv(found: Mapping[str, float]) -> str:
    value = number(found.get("median"))
    return f"{value} ({span(found['low'], found['high'])})" if "low" in found else value
