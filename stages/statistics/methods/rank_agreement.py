"""Spearman's rank correlation of two variables over structure-scan pairs, with its interval."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.relation import (
    POOLED,
    WITHIN,
    one_left_out,
    r_interval,
    structures_left_out,
)
from stages.statistics.methods.resampled_correlation import rank_draws

SPEARMAN = "spearman"


class Agreement(NamedTuple):
    """Spearman's coefficient over n pairs, and the ends of its interval."""

    n: int
    r: float
    low: float
    high: float

    def leaves(self) -> dict[str, float]:
        """Return what metrics hold."""
        return {"r": self.r, "low": self.low, "high": self.high}


def rank_agreement(
    first: pd.DataFrame,
    second: pd.DataFrame,
    columns: tuple[str, str],
    subject_of: Mapping[str, str],
    level: float,
) -> dict[str, Agreement]:
    """Return Spearman's rank correlation of two variables over the pairs that have both.

    Intervals leave each subject out in turn, and for all pairs each structure (`relation`).

    Args:
        first: columns structure, subject and the first of `columns`, one row a pair of one group.
        second: columns structure, subject and the other.
        columns: names.
        subject_of: scan -> subject.
        level: coverage, between 0 and 1.

    Returns:
        pooled (all structures and scans) and within_structure (centred per structure before
        ranking): NaN where undefined.
    """
    structures = list(dict.fromkeys([*first["structure"], *second["structure"]]))
    scans = list(subject_of)
    a = pair_matrix(first, columns[0], structures, scans)
    b = pair_matrix(second, columns[1], structures, scans)
    n = int((np.isfinite(a) & np.isfinite(b)).sum())
    clusters = np.array([subject_of[scan] for scan in scans])
    found = rank_draws(a, b, one_left_out(clusters))
    without = {
        POOLED: [found[POOLED][1:], structures_left_out(a, b, SPEARMAN)],
        WITHIN: [found[WITHIN][1:]],
    }
    result = {}
    for scope, own in without.items():
        r = float(found[scope][0])
        low, high, _ = r_interval(r, own, level)
        result[scope] = Agreement(n, r, low, high)
    return result
