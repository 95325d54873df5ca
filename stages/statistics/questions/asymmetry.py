"""Does an accelerated scan show the asymmetry of a structure that the fully sampled one shows.

The index is 100 (left - right) / (left + right), in % of both; a member's differs from that of
the fully sampled scan by some points, with bias and limits of agreement as in question `agreement`.
Asked where the segmenter keeps the sides apart.
"""

from typing import Any

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.limits_of_agreement import REACH, limits_of_agreement
from stages.statistics.methods.pivots import uniform_draws
from stages.statistics.methods.variability import PERCENT, positive
from stages.statistics.needs import REFERENCE, needs
from stages.study.groups import FULLY_SAMPLED

MERGED = "left and right are one structure in the segmentations"
LIMITS = [f"{name}{end}" for name in ("bias", "lower", "upper") for end in ("", "_low", "_high")]
COLUMNS = ["group", "structure", "n_scans", "n_subjects", "n_members", "reference", "sd", *LIMITS]
KEYS = ["structure", "subject"]
NAN = float("nan")


@needs(REFERENCE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return the agreement of asymmetries, or why it is not asked."""
    if cohort.sides is None:
        return Answer({"judged": 0, "reason": MERGED})
    index = cohort.sides.assign(asymmetry=asymmetry(cohort.sides))
    known = index[index["group"] == FULLY_SAMPLED.name].set_index(KEYS)["asymmetry"]
    uniforms = uniform_draws(rng)
    rows = [
        {"group": group, "structure": structure}
        | _row(table, known.rename("reference"), cohort.subject_of, uniforms, params.level)
        for group in cohort.compared
        for structure, table in of(index, group).groupby("structure", sort=False)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    tree: Tree = {"judged": 1}
    tree |= {group: _summary(of(table, group)) for group in cohort.compared}
    return Answer(tree, {"asymmetry": table})


def asymmetry(sides: pd.DataFrame) -> np.ndarray:
    """Return 100 (left - right) / (left + right), in %; NaN where both are empty.

    Args:
        sides: columns left_mm3, right_mm3.
    """
    left, right = (sides[name].to_numpy(np.float64) for name in ("left_mm3", "right_mm3"))
    return PERCENT * (left - right) / positive(left + right)


def _row(
    table: pd.DataFrame,
    known: pd.Series,
    subject_of: dict[str, str],
    uniforms: np.ndarray,
    level: float,
) -> dict[str, Any]:
    """Return the agreement of one structure of a group, in points."""
    both = table.join(known, on=KEYS)
    both = both.assign(difference=both["asymmetry"] - both["reference"])
    wide = both.pivot(index="subject", columns="member", values="difference")
    values = wide.to_numpy(np.float64)
    subject = np.array([subject_of.get(scan, scan) for scan in wide.index])
    there = np.isfinite(values)
    row: dict[str, Any] = {
        "n_scans": int(there.any(axis=1).sum()),
        "n_subjects": len(set(subject[there.any(axis=1)])),
        "n_members": int(there.any(axis=0).sum()),
        "reference": both.groupby("subject")["reference"].first().mean(),
    } | dict.fromkeys(["sd", *LIMITS], NAN)
    found = limits_of_agreement(values, subject, uniforms, level)
    if found is None:
        return row
    ends = found.bias.interval(level), found.lower_interval, found.upper_interval
    middle = found.bias.value, found.lower, found.upper
    for name, value, (low, high) in zip(("bias", "lower", "upper"), middle, ends, strict=True):
        row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return row | {"sd": found.sd}


def _summary(table: pd.DataFrame) -> Tree:
    """Return medians over structures, in points, and counts."""
    defined = table.dropna(subset=["sd"])
    apart = (defined["bias_low"] > 0) | (defined["bias_high"] < 0)
    tree = {
        "half_width_points": float((REACH * defined["sd"]).median()) if len(defined) else NAN,
        "absolute_bias_points": float(defined["bias"].abs().median()) if len(defined) else NAN,
        "biased": int(apart.sum()),
    }
    known, gaps = without_gaps(tree)
    counts = {"structures": len(defined), "structures_undefined": len(table) - len(defined)}
    return known | {"n": counts | {"undefined": len(gaps)}}
