"""Ordinary least squares of the variability of volumes on voxelwise measures, and its controls.

R^2 = 1 - sum (y - y_hat)^2 / sum (y - mean y)^2. Undefined values are NaN; callers leave them out
and count them.

Leave-one-group-out is scikit-learn's. The fit on the same points is `numpy.linalg.lstsq` on scaled
predictors, which agrees with its LinearRegression to 1e-15: of 320 pairs and nine predictors it
takes 0.5 ms instead of 2.5, and permutations of a table with absent pairs ask for thousands.
"""

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stages.statistics.methods.correlation import centre

CONSTANT = 1e-12  # relative spread below which a predictor is taken as constant


def in_sample_r2(x: np.ndarray, y: np.ndarray) -> float:
    """Return R^2 of the fit with intercept on the same points, the paper's figure.

    Args:
        x: (n, n_predictors).
        y: (n,).

    Returns:
        NaN if no degree of freedom is left or `y` is constant.
    """
    if len(y) - _rank(x) - 1 < 1:
        return float("nan")
    return _r2(y, _fitted(x, y))


def adjusted_r2(x: np.ndarray, y: np.ndarray) -> float:
    """Return 1 - (1 - R^2) (n - 1) / (n - p - 1), p the rank of the predictors.

    Args:
        x: (n, n_predictors).
        y: (n,).
    """
    n, p = len(y), _rank(x)
    if n - p - 1 < 1:
        return float("nan")
    return 1.0 - (1.0 - in_sample_r2(x, y)) * (n - 1) / (n - p - 1)


def leave_group_out_r2(x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> float:
    """Return R^2 of predicting each group by a fit on the others; below 0: worse than the mean.

    Args:
        x: (n, n_predictors).
        y: (n,).
        groups: (n,) labels that are left out together: subjects, or structures.

    Returns:
        NaN with fewer than two groups, or if some fit has no degree of freedom left.
    """
    groups = np.asarray(groups)
    labels = np.unique(groups)
    if len(labels) < 2:
        return float("nan")
    for label in labels:
        kept = groups != label
        if kept.sum() - _rank(x[kept]) - 1 < 1:
            return float("nan")
    # scaled, because a cut of small singular values would else depend on the predictors' units
    model = make_pipeline(StandardScaler(), LinearRegression())
    return _r2(y, cross_val_predict(model, x, y, groups=groups, cv=LeaveOneGroupOut()))


def within_group_r2(x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> float:
    """Return R^2 with every variable centred per group: nothing that sets groups apart is left.

    Args:
        x: (n, n_predictors).
        y: (n,).
        groups: (n,) labels of structures.

    Returns:
        NaN if no degree of freedom is left.
    """
    x, y = centre(x, groups), centre(y, groups)
    if len(y) - len(np.unique(groups)) - _rank(x) < 1:
        return float("nan")
    return _r2(y, _fitted(x, y))


def group_means_r2(y: np.ndarray, groups: np.ndarray) -> float:
    """Return R^2 of the group means, the structure-only baseline.

    Args:
        y: (n,).
        groups: (n,) labels of structures.
    """
    return _r2(y, y - centre(y, groups))


def _standardise(x: np.ndarray) -> np.ndarray:
    mean, spread = x.mean(axis=0), x.std(axis=0)
    constant = spread <= CONSTANT * np.abs(x).max(axis=0, initial=0.0)
    # a predictor that does not vary where the fit is made has no coefficient
    return np.where(constant, 0.0, (x - mean) / np.where(constant, 1.0, spread))


def _rank(x: np.ndarray) -> int:
    return int(np.linalg.matrix_rank(_standardise(x))) if len(x) else 0


def _fitted(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    mean, scaled = y.mean(), _standardise(x)
    coefficients, *_ = np.linalg.lstsq(scaled, y - mean, rcond=None)
    return scaled @ coefficients + mean


def _r2(y: np.ndarray, predicted: np.ndarray) -> float:
    total = float(np.sum((y - y.mean()) ** 2))
    scale = float(np.max(np.abs(y), initial=0.0))
    if total <= (CONSTANT * scale) ** 2 * len(y):
        return float("nan")
    return 1.0 - float(np.sum((y - predicted) ** 2)) / total
