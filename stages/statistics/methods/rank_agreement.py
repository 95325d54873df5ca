"""Spearman's rank correlation of two variables over structure-scan pairs, with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.bootstrap import cluster_draws, interval
from stages.statistics.methods.resampled_correlation import rank_draws

SCOPES = ("pooled", "within_structure")


@dataclass(frozen=True)
class Draws:
    """Samples of subjects, drawn with replacement."""

    subjects: list[str]
    """Scans: of the columns of `weights`."""

    weights: np.ndarray
    """(n_draws, n_subjects), how often each scan came."""

    level: float
    """Coverage of the intervals, between 0 and 1."""

    n_clusters: int
    """How many subjects were drawn from."""


def draw_subjects(
    subject_of: Mapping[str, str], n_draws: int, level: float, rng: np.random.Generator
) -> Draws:
    """Return samples of whole subjects (scan -> subject), the same for every pair of variables."""
    subjects = list(subject_of)
    labels = np.array([str(subject_of[name]) for name in subjects])
    weights = cluster_draws(labels, n_draws, rng)
    return Draws(subjects, weights, level, len(np.unique(labels)))


class Agreement(NamedTuple):
    """Spearman's coefficient over n pairs, and the ends of its interval over subjects."""

    n: int
    r: float
    low: float
    high: float

    def leaves(self) -> dict[str, float]:
        """Return what metrics hold."""
        return {"r": self.r, "low": self.low, "high": self.high}


def rank_agreement(
    first: pd.DataFrame, x: str, second: pd.DataFrame, y: str, draws: Draws
) -> dict[str, Agreement]:
    """Return Spearman's rank correlation of two variables over the pairs that have both.

    Args:
        first: columns structure, subject and `x`, one row a pair of one group.
        x: column name.
        second: columns structure, subject and `y`.
        y: column name.
        draws: of subjects, for the percentile intervals.

    Returns:
        pooled (all structures and scans) and within_structure (centred per structure before
        ranking): NaN where undefined.
    """
    structures = list(dict.fromkeys([*first["structure"], *second["structure"]]))
    a = pair_matrix(first, x, structures, draws.subjects)
    b = pair_matrix(second, y, structures, draws.subjects)
    n = int((np.isfinite(a) & np.isfinite(b)).sum())
    as_it_is = np.ones((1, len(draws.subjects)), dtype=np.int64)
    every = rank_draws(a, b, np.concatenate([as_it_is, draws.weights]))
    result = {}
    for scope in SCOPES:
        r, resampled = float(every[scope][0]), every[scope][1:]
        low, high, _ = interval(resampled, draws.level, draws.n_clusters)
        # an interval belongs to an estimate
        result[scope] = Agreement(n, r, *((low, high) if np.isfinite(r) else (np.nan, np.nan)))
    return result
