"""A correlation over structure-scan pairs with an interval that holds where nothing is related.

Pairs of one subject are no independent evidence, nor are pairs of one structure: what sets
structures apart in predictor and target is drawn once for all subjects. So a pooled correlation is
one of a sample of subjects and of a sample of structures, and each is left out in turn; within
structures only subjects are. Intervals of a bootstrap of subjects alone exclude 0 in 20 to 73 % of
cohorts without any relation; these in 2 to 6 % (`tests/benchmarks/simulation`).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from stages.statistics.methods.bootstrap import LEAST_CLUSTERS, Interval
from stages.statistics.methods.correlation import LEAST_SUBJECTS, NEARLY_ONE, pearson, spearman
from stages.statistics.methods.jackknife import left_out_interval
from stages.statistics.methods.permutation import p_value, permuted_within
from stages.statistics.methods.resampled_correlation import (
    correlation_draws,
    pooled_draws,
    within_draws,
)

POOLED, WITHIN = "pooled", "within_structure"
Pair = tuple[np.ndarray, np.ndarray]
"""Predictor and target, (n_structures, n_subjects) each, NaN where absent."""


class Relation(NamedTuple):
    """A correlation, the ends of its interval and its permutation p; NaN where undefined."""

    r: float
    low: float
    high: float
    p: float

    @property
    def leaves(self) -> dict[str, float]:
        """Return what metrics hold; p where there can be one."""
        known = self._asdict()
        return known if np.isfinite(self.p) else {k: v for k, v in known.items() if k != "p"}


def one_left_out(clusters: np.ndarray) -> np.ndarray:
    """Return weights of the scans: everything, then each subject left out with all its scans.

    Args:
        clusters: (n_subjects,) the subject of each scan.

    Returns:
        (1 + n_clusters, n_subjects) zeros and ones; everything alone of fewer than three subjects,
        which have no interval.
    """
    clusters = np.asarray(clusters)
    names = np.unique(clusters)
    left_out = clusters[None] != (names if len(names) >= LEAST_CLUSTERS else names[:0])[:, None]
    return np.concatenate([np.ones((1, len(clusters))), left_out.astype(np.float64)])


def correlation_intervals(
    x: np.ndarray, y: np.ndarray, clusters: np.ndarray, kind: str, level: float
) -> dict[str, Interval]:
    """Return the interval of a correlation in every scope over structures of `correlation_table`.

    Args:
        x: (n_structures, n_subjects), NaN where absent.
        y: (n_structures, n_subjects), NaN where absent.
        clusters: (n_subjects,) the subject of each scan.
        kind: "pearson" or "spearman".
        level: coverage, between 0 and 1.

    Returns:
        per_structure_mean (NaN below `LEAST_SUBJECTS`), pooled, within_structure, two_way.
    """
    draws = correlation_draws(x, y, one_left_out(clusters), kind)
    found = {scope: r_interval(r[0], [r[1:]], level) for scope, r in draws.items()}
    apart = structures_left_out(x, y, kind)
    found[POOLED] = r_interval(draws[POOLED][0], [draws[POOLED][1:], apart], level)
    if len(np.unique(clusters)) < LEAST_SUBJECTS:
        found["per_structure_mean"] = Interval(float("nan"), float("nan"), 0)
    return found


def structures_left_out(
    x: np.ndarray, y: np.ndarray, kind: str = "pearson", rows: np.ndarray | None = None
) -> np.ndarray:
    """Return the pooled correlation without each structure, of all that there are or of `rows`."""
    present = np.isfinite(x) & np.isfinite(y)
    number = np.nonzero(present)[0]
    u, v = x[present], y[present]
    coefficient = pearson if kind == "pearson" else spearman
    rows = np.unique(number) if rows is None else rows
    return np.array([coefficient(u[number != k], v[number != k]) for k in rows])


def r_interval(r: float, without: Sequence[np.ndarray], level: float) -> Interval:
    """Return `left_out_interval` of correlations on the scale of Fisher's z."""
    low, high, n = left_out_interval(float(to_z(r)), [to_z(each) for each in without], level)
    return Interval(float(np.tanh(low)), float(np.tanh(high)), n)


def relations(
    pairs: Iterable[Pair], clusters: np.ndarray, level: float, order: np.ndarray | None = None
) -> dict[str, Relation]:
    """Return Pearson's r of several pairs of variables of the same scans, their mean by Fisher's z.

    Args:
        pairs: such as predictor and target of both directions of two halves of the members.
        clusters: (n_subjects,) the subject of each scan.
        level: coverage, between 0 and 1.
        order: (n_permutations, n_subjects) for p within structures; none without.

    Returns:
        pooled and within_structure; the pooled one has no p, because reordering subjects leaves
        what sets structures apart.
    """
    pairs, weights = list(pairs), one_left_out(clusters)
    pooled = _mean([pooled_draws(x, y, weights) for x, y in pairs])
    within = _mean([within_draws(x, y, weights) for x, y in pairs])
    # a structure may be absent from some of the pairs: nothing is left out of those
    rows = np.nonzero(np.any([np.isfinite(x) & np.isfinite(y) for x, y in pairs], axis=(0, 2)))[0]
    apart = _mean([structures_left_out(x, y, rows=rows) for x, y in pairs])
    p = float("nan")
    if order is not None:
        null = _mean([permuted_within(x, y, order) for x, y in pairs])
        p = p_value(within[0], null)
    over, inside = (
        r_interval(pooled[0], [pooled[1:], apart], level),
        r_interval(within[0], [within[1:]], level),
    )
    return {
        POOLED: Relation(float(pooled[0]), over.low, over.high, float("nan")),
        WITHIN: Relation(float(within[0]), inside.low, inside.high, p),
    }


def to_z(r: np.ndarray | float) -> np.ndarray:
    """Return Fisher's z, finite for coefficients of 1."""
    return np.arctanh(np.clip(r, -NEARLY_ONE, NEARLY_ONE))


def _mean(coefficients: list[np.ndarray]) -> np.ndarray:
    return np.tanh(np.mean([to_z(r) for r in coefficients], axis=0))
