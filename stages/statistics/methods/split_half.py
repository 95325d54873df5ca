"""Split-half reliability of ln CV: what two disjoint halves of the members agree on.

A coefficient of variation from few members is uncertain; what both halves agree on is reliable.
"""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from stages.statistics.answer import Tree
from stages.statistics.methods.arrays import volume_cube
from stages.statistics.methods.bootstrap import Interval, cluster_draws, interval
from stages.statistics.methods.correlation import NEARLY_ONE
from stages.statistics.methods.reliability import sampling_variance
from stages.statistics.methods.resampled_correlation import pooled_draws, within_draws
from stages.statistics.methods.variability import coefficient_of_variation

LEAST_MEMBERS = 4  # two in each half
SCOPES = {"pooled": pooled_draws, "within_structure": within_draws}


def splits(n_members: int, n_splits: int, rng: np.random.Generator) -> np.ndarray:
    """Return distinct divisions of the members into halves (sizes differ by one if odd).

    Args:
        n_members: size of the ensemble.
        n_splits: all divisions if there are no more than this, else so many random ones.
        rng: source of the random ones.

    Returns:
        (n_found, n_members) True for the first half; none with fewer than four members.
    """
    if n_members < LEAST_MEMBERS:
        return np.zeros((0, n_members), dtype=bool)
    size = n_members // 2
    even = n_members % 2 == 0
    # member 0 stays in the first half of an even ensemble: the mirror image is the same division
    fixed, rest = ((0,), range(1, n_members)) if even else ((), range(n_members))
    n_free = size - len(fixed)
    if comb(len(rest), n_free) <= n_splits:
        chosen = {fixed + free for free in combinations(rest, n_free)}
    else:
        chosen = set()
        while len(chosen) < n_splits:
            free = rng.choice(np.asarray(rest), size=n_free, replace=False)
            chosen.add(fixed + tuple(sorted(free.tolist())))
    first = np.zeros((len(chosen), n_members), dtype=bool)
    for row, members in zip(first, sorted(chosen), strict=True):
        row[list(members)] = True
    return first


def log_variability(volumes: np.ndarray) -> np.ndarray:
    """Return ln CV, NaN where the CV is undefined or 0.

    Args:
        volumes: (..., n_members), mm3.
    """
    cv = coefficient_of_variation(volumes)
    defined = np.isfinite(cv) & (cv > 0)
    return np.where(defined, np.log(np.where(defined, cv, 1.0)), np.nan)


def full_length(r: np.ndarray, n_first: int, n_second: int) -> np.ndarray:
    """Return the reliability of ln CV of all members from the correlation between two halves.

    With true variance t and sampling variances V of ln s (`sampling_variance`) the halves correlate
    by r = t / sqrt((t + V_1)(t + V_2)), which is solved for t, and rho = t / (t + V). For equal
    halves that is the Spearman-Brown formula L r / (1 + (L - 1) r) of length L = V_1 / V: not the
    usual L = 2, since V falls as 1 / (M - 1) and not as 1 / M (Spearman 1910, Brown 1910, Br. J.
    Psychol. 3).

    Args:
        r: any shape; not above 0 gives 0, NaN stays.
        n_first: members of the first half, at least 2.
        n_second: members of the second half, at least 2.

    Returns:
        0 to 1, of the shape of `r`.
    """
    whole = sampling_variance(n_first + n_second)
    a, b = sampling_variance(n_first) / whole, sampling_variance(n_second) / whole
    r = np.asarray(r, dtype=np.float64)
    square = np.where(r > 0, np.minimum(r, NEARLY_ONE), 0.0) ** 2
    rest = 1.0 - square
    root = np.sqrt((square * (a + b)) ** 2 + 4.0 * rest * square * a * b)
    true = (square * (a + b) + root) / (2.0 * rest)
    return np.where(np.isnan(r), np.nan, true / (true + 1.0))


def spearman_brown(r: np.ndarray, length: float = 2.0) -> np.ndarray:
    """Return the reliability of a test `length` times as long, L r / (1 + (L - 1) r).

    Args:
        r: any shape; not above 0 gives 0, NaN stays.
        length: 2 for two equal halves whose sampling variance falls as 1 / n.
    """
    r = np.asarray(r, dtype=np.float64)
    known = np.where(r > 0, r, 0.0)
    return np.where(np.isnan(r), np.nan, length * known / (1.0 + (length - 1.0) * known))


def half_correlations(
    cube: np.ndarray, first: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the correlation of ln CV between halves in every draw, Fisher-z mean over divisions.

    Args:
        cube: (n_structures, n_subjects, n_members), mm3.
        first: (n_splits, n_members) from `splits`.
        weights: (n_draws, n_subjects).

    Returns:
        pooled and within_structure, (n_draws,), NaN where undefined.
    """
    sums = {scope: np.zeros(len(weights)) for scope in SCOPES}
    counts = {scope: np.zeros(len(weights)) for scope in SCOPES}
    for half in first:
        x, y = log_variability(cube[..., half]), log_variability(cube[..., ~half])
        for scope, draws in SCOPES.items():
            r = draws(x, y, weights)
            defined = np.isfinite(r)
            r = np.clip(np.where(defined, r, 0.0), -NEARLY_ONE, NEARLY_ONE)
            sums[scope] += np.arctanh(r)
            counts[scope] += defined
    return {
        scope: np.where(
            counts[scope] > 0, np.tanh(sums[scope] / np.maximum(counts[scope], 1)), np.nan
        )
        for scope in SCOPES
    }


def analytic_draws(
    log_cv: np.ndarray, n_members: int, weights: np.ndarray, n_clusters: int
) -> dict[str, np.ndarray]:
    """Return `noise_ceiling` of ln CV in every draw.

    The variance within structures in a draw of G subjects is (G - 1) / G too small on average and
    is divided by that (Rao and Wu 1988, J. Am. Stat. Assoc. 83); the pooled variance is mostly
    between structures, which are not drawn.

    Args:
        log_cv: (n_structures, n_subjects), NaN where undefined.
        n_members: members each CV comes from.
        weights: (n_draws, n_subjects).
        n_clusters: subjects the draws are made of.

    Returns:
        pooled and within_structure, (n_draws,), NaN where undefined.
    """
    present = np.isfinite(log_cv)
    weights = np.asarray(weights, dtype=np.float64)
    origin = float(np.sum(log_cv, where=present) / max(int(present.sum()), 1))
    z = np.where(present, log_cv - origin, 0.0)
    count = weights @ present.T.astype(np.float64)
    sums, squares = weights @ z.T, weights @ (z * z).T
    within = np.sum(squares - sums**2 / np.maximum(count, 1.0), axis=1)
    total = count.sum(axis=1)
    pooled = squares.sum(axis=1) - sums.sum(axis=1) ** 2 / np.maximum(total, 1.0)
    inflation = n_clusters / (n_clusters - 1) if n_clusters > 1 else 1.0
    return {
        "pooled": _noise_ceiling(pooled, total - 1, n_members),
        "within_structure": _noise_ceiling(
            inflation * within, total - (count > 0).sum(axis=1), n_members
        ),
    }


def _noise_ceiling(squares: np.ndarray, free: np.ndarray, n_members: int) -> np.ndarray:
    defined = (free >= 1) & (squares > 1e-20) if n_members >= 2 else np.zeros(free.shape, bool)
    if not defined.any():
        return np.full(free.shape, np.nan)
    variance = np.where(defined, squares, 1.0) / np.where(defined, free, 1.0)
    return np.where(defined, np.maximum(0.0, 1.0 - sampling_variance(n_members) / variance), np.nan)


def reliability(
    volumes: pd.DataFrame,
    subject_of: dict[str, str],
    n_splits: int,
    n_draws: int,
    level: float,
    rng: np.random.Generator,
) -> tuple[Tree, pd.DataFrame]:
    """Return the R^2 that a perfect predictor of ln CV would reach, by two estimates.

    `volumes` has columns member, subject, structure, volume_mm3; halves and draws come from `rng`.

    Returns:
        Tree scope -> {between_halves: r, spearman_brown, split_half: {value, low, high},
        analytic: {value, low, high}} for pooled and within_structure, and n_splits (0: the halves
        of fewer than four members have no CV); NaN where undefined. Table with columns scope,
        estimate, value, low, high, n_defined.
    """
    cube, _, subjects = volume_cube(volumes)
    n_members = cube.shape[-1]
    clusters = np.array([subject_of[name] for name in subjects])
    first = splits(n_members, n_splits, rng)
    drawn = cluster_draws(clusters, n_draws, rng)
    weights = np.concatenate([np.ones((1, len(subjects)), dtype=drawn.dtype), drawn])
    between = half_correlations(cube, first, weights)
    log_cv = log_variability(cube)
    n_clusters = len(np.unique(clusters))
    analytic = analytic_ceilings(log_cv, n_members, weights, n_clusters)
    tree: Tree = {}
    rows = []
    sizes = (n_members // 2, n_members - n_members // 2)
    for scope, r in between.items():
        split = full_length(r, *sizes) if len(first) else np.full(len(r), np.nan)
        estimates = {"split_half": split, "analytic": analytic[scope]}
        found = {name: (v[0], interval(v[1:], level, n_clusters)) for name, v in estimates.items()}
        halves = {"between_halves": float(r[0]), "spearman_brown": float(spearman_brown(r[0]))}
        tree[scope] = halves | {name: _leaf(*pair) for name, pair in found.items()}
        rows += [(scope, name, float(value), *limits) for name, (value, limits) in found.items()]
    columns = ["scope", "estimate", "value", "low", "high", "n_defined"]
    return tree | {"n_splits": len(first)}, pd.DataFrame(rows, columns=columns)


def analytic_ceilings(
    log_cv: np.ndarray, n_members: int, weights: np.ndarray, n_clusters: int
) -> dict[str, np.ndarray]:
    """Return the analytic noise ceiling of each scope: of the table, then of every draw.

    The table itself is no draw: its variance is not too small.
    """
    return {
        scope: np.concatenate([whole[:1], draws[1:]])
        for scope, whole, draws in zip(
            SCOPES,
            analytic_draws(log_cv, n_members, weights[:1], 1).values(),
            analytic_draws(log_cv, n_members, weights, n_clusters).values(),
            strict=True,
        )
    }


def _leaf(value: float, limits: Interval) -> dict[str, float]:
    return {"value": float(value), "low": limits.low, "high": limits.high}
