"""What predictors explain that cannot know the scan in question.

Structures differ in their variability, and almost every predictor differs between structures: a
pooled R^2 is large without any relation. These are the R^2 of a predictor that has a structure's
pattern and nothing of the scan.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import beta

from stages.statistics.methods.correlation import centre
from stages.statistics.methods.permutation import p_value
from stages.statistics.methods.regression import in_sample_r2, within_group_r2
from stages.statistics.methods.weighted import ROUNDING

SHARE = 0.95  # of the wrong predictors that explain no more than `p95`


class Baseline(NamedTuple):
    """R^2 of predictors that know nothing of the scan: the mean, and what few of them exceed."""

    mean: float
    p95: float


class WrongSubject(NamedTuple):
    """R^2 of the predictors of another subject, and p of those of the right one."""

    mean: float
    p95: float
    p: float


def random_structure_r2(structure_r2: float, n_predictors: int, n_structures: int) -> Baseline:
    """Return R^2 of predictors that are drawn for each structure and are the same in all scans.

    The fraction of the variance between K means that p normal predictors explain is
    Beta(p / 2, (K - 1 - p) / 2) distributed (Muirhead 1982, Aspects of Multivariate Statistical
    Theory, section 5.2), where structures have equally many scans.

    Args:
        structure_r2: R^2 of the structures' means.
        n_predictors: p.
        n_structures: K.
    """
    free = n_structures - 1 - n_predictors
    if free < 1:
        return Baseline(structure_r2, structure_r2)
    fraction = beta(n_predictors / 2.0, free / 2.0)
    return Baseline(structure_r2 * fraction.mean(), structure_r2 * fraction.ppf(SHARE))


def wrong_subject(
    x: np.ndarray, y: np.ndarray, order: np.ndarray, *, within: bool = False
) -> WrongSubject:
    """Return R^2 in sample after each reordering of the predictors' subjects, structures kept.

    Args:
        x: (n_structures, n_subjects, n_predictors), NaN where absent.
        y: (n_structures, n_subjects), NaN where absent.
        order: (n_permutations, n_subjects), of the subjects of `x`.
        within: centre everything per structure.

    Returns:
        Mean and 95th percentile over the permutations, and p of the R^2 of the right subjects; NaN
        where no degree of freedom is left.
    """
    observed, null = permuted_r2(x, y, order, within=within)
    known = null[np.isfinite(null)]
    if not len(known) or not np.isfinite(observed):
        return WrongSubject(float("nan"), float("nan"), float("nan"))
    return WrongSubject(
        float(known.mean()), float(np.quantile(known, SHARE)), p_value(observed, null)
    )


def permuted_r2(
    x: np.ndarray, y: np.ndarray, order: np.ndarray, *, within: bool = False
) -> tuple[float, np.ndarray]:
    """Return R^2 in sample, and that after each reordering (n_permutations,); see `wrong_subject`.

    Only pairs that exist in both meet. Without absent pairs, target and predictors may change
    parts: one fit serves all permutations.
    """
    has_x, has_y = np.isfinite(x).all(axis=-1), np.isfinite(y)
    number = np.broadcast_to(np.arange(len(y))[:, None], y.shape)

    def r2(moved: np.ndarray) -> float:
        known = has_x[:, moved] & has_y
        if not known.any():
            return float("nan")
        u, v, structure = x[:, moved][known], y[known], number[known]
        return within_group_r2(u, v, structure) if within else in_sample_r2(u, v)

    observed = r2(np.arange(y.shape[1]))
    if not np.isfinite(observed) or not len(order):
        return observed, np.full(len(order), np.nan)
    if has_x.all() and has_y.all():
        targets = y[:, np.argsort(order, axis=1)].transpose(0, 2, 1).reshape(y.size, -1)
        return observed, _explained(x.reshape(y.size, -1), targets, number.ravel(), within)
    different, place = np.unique(order, axis=0, return_inverse=True)
    return observed, np.array([r2(moved) for moved in different])[place]


def _explained(x: np.ndarray, y: np.ndarray, structure: np.ndarray, within: bool) -> np.ndarray:
    """Return R^2 of each column of (n, n_targets) on the same predictors (n, n_predictors)."""
    groups = structure if within else np.zeros(len(x))
    basis, y = _orthonormal(centre(x, groups)), centre(y, groups)
    return np.sum((basis.T @ y) ** 2, axis=0) / np.sum(y * y, axis=0)


def _orthonormal(x: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis (n, rank) of centred predictors, scaled."""
    spread = x.std(axis=0)
    varies = spread > ROUNDING * np.abs(x).max(axis=0, initial=0.0)
    left, size, _ = np.linalg.svd(x[:, varies] / spread[varies], full_matrices=False)
    return left[:, size > size.max(initial=0.0) * max(x.shape) * np.finfo(np.float64).eps]


def partial_r2(
    x: np.ndarray, y: np.ndarray, covariate: np.ndarray, groups: np.ndarray | None = None
) -> float:
    """Return the fraction of what a covariate leaves over that the predictors explain, in sample.

    Args:
        x: (n, n_predictors).
        y: (n,).
        covariate: (n,), such as ln volume.
        groups: (n,) labels of structures to centre by; over all points without.

    Returns:
        (R^2 of both - R^2 of the covariate) / (1 - R^2 of the covariate); NaN where undefined.
    """

    def r2(columns: np.ndarray) -> float:
        return in_sample_r2(columns, y) if groups is None else within_group_r2(columns, y, groups)

    alone = r2(covariate[:, None])
    both = r2(np.column_stack([covariate, x]))
    return (both - alone) / (1.0 - alone) if alone < 1.0 else float("nan")
