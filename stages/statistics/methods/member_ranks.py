"""Rank correlation over the members of several architectures, and its permutation test."""

import numpy as np
from scipy.stats import rankdata

from stages.statistics.methods.correlation import LEAST_SCANS

NO_VARIABILITY = 1e-12  # of ranks


def ranks_within(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return ranks among the members of the same group, (rank - 1/2) / n - 1/2.

    Ties share their mean rank; every group has mean 0, whatever its size.

    Args:
        values: (..., n_members), NaN makes its group NaN.
        groups: (n_members,) labels.
    """
    result = np.full(np.shape(values), np.nan)
    for group in dict.fromkeys(groups):
        of_group = np.asarray(groups) == group
        ranks = rankdata(values[..., of_group], axis=-1, nan_policy="propagate")
        result[..., of_group] = (ranks - 0.5) / of_group.sum() - 0.5
    return result


def row_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Pearson's r of each pair of rows.

    Args:
        x: (..., n).
        y: (..., n).

    Returns:
        (...), NaN for fewer than three points, a constant row or a missing value.
    """
    if x.shape[-1] < LEAST_SCANS:
        return np.full(np.broadcast_shapes(x.shape, y.shape)[:-1], np.nan)
    x, y = (v - v.mean(axis=-1, keepdims=True) for v in (x, y))
    scale = np.sqrt(np.sum(x**2, axis=-1) * np.sum(y**2, axis=-1))
    r = np.sum(x * y, axis=-1) / np.where(scale > NO_VARIABILITY, scale, np.nan)
    return np.clip(r, -1.0, 1.0)


def correlations(x: np.ndarray, y: np.ndarray, groups: np.ndarray, scope: str) -> np.ndarray:
    """Return Spearman's rank correlation over members, of each row.

    Args:
        x: (..., n_members) scores.
        y: (..., n_members) errors.
        groups: (n_members,) architectures.
        scope: `pooled`, or `within` for ranks among the members of the same architecture.

    Returns:
        (...), NaN where undefined.
    """
    labels = groups if scope == "within" else np.zeros(len(groups))
    return row_correlations(ranks_within(x, labels), ranks_within(y, labels))


def permutation_p(
    x: np.ndarray, y: np.ndarray, groups: np.ndarray, n_draws: int, rng: np.random.Generator
) -> float:
    """Return the two-sided p of the correlation within architectures, members exchanged in each.

    (1 + #{|r_perm| >= |r|}) / (1 + n_draws) (Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol.
    9).

    Args:
        x: (n_members,) scores.
        y: (n_members,) errors.
        groups: (n_members,) architectures.
        n_draws: random permutations.
        rng: source of the draws.

    Returns:
        NaN where the correlation is undefined.
    """
    r = float(correlations(x, y, groups, "within"))
    if not np.isfinite(r):
        return float("nan")
    ranks = ranks_within(y, groups)
    shuffled = np.empty((n_draws, len(groups)))
    for group in dict.fromkeys(groups):
        of_group = np.asarray(groups) == group
        copies = np.tile(ranks[of_group], (n_draws, 1))
        shuffled[:, of_group] = rng.permuted(copies, axis=1)
    found = np.abs(row_correlations(ranks_within(x, groups), shuffled))
    return float((1.0 + np.sum(found >= abs(r) - NO_VARIABILITY)) / (1.0 + n_draws))
