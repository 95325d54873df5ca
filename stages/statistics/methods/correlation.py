"""Correlation of a voxelwise measure with the variability of a volume, and where it comes from.

Undefined coefficients (fewer than three scans, or a constant variable) are NaN; callers leave them
out and count them.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

LEAST_SCANS = 3  # two points always lie on a line
LEAST_FREEDOM = 2  # of residuals: with one, any two variables are proportional
LEAST_SUBJECTS = 8  # of a mean over structures: with four its intervals cover 62 to 70 %
NEARLY_ONE = 1.0 - 1e-9


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Return Pearson's r, or NaN for fewer than three points or a constant variable.

    Args:
        x: (n,).
        y: (n,).
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(x) < LEAST_SCANS or _constant(x) or _constant(y):
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    r = (x / np.linalg.norm(x)) @ (y / np.linalg.norm(y))
    return float(np.clip(r, -1.0, 1.0))


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Return Spearman's rank correlation (ties share their mean rank), or NaN as `pearson` does."""
    return pearson(rankdata(x), rankdata(y))


def _constant(values: np.ndarray) -> bool:
    return float(np.ptp(values)) <= 1e-12 * float(np.max(np.abs(values)))


def fisher_mean(coefficients: np.ndarray, n_points: int) -> float:
    """Return tanh(mean(artanh(r))) over the defined coefficients, or NaN without any.

    A coefficient of exactly 1 has no finite z. Ranks of few scans reach it by chance, so it is
    replaced by the middle between 1 and the next lower rank correlation, 1 - 6 / (n (n^2 - 1)).

    Args:
        coefficients: (n_structures,), NaN where undefined.
        n_points: scans each coefficient was computed from.
    """
    r = np.asarray(coefficients, dtype=np.float64)
    r = r[np.isfinite(r)]
    if not len(r):
        return float("nan")
    limit = 1.0 - 6.0 / (n_points * (n_points**2 - 1.0))
    exact = np.abs(r) > NEARLY_ONE
    r = np.where(exact, np.sign(r) * limit, r)
    return float(np.tanh(np.mean(np.arctanh(r))))


def centre(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the values less the mean of their group.

    Args:
        values: (n,) or (n, n_columns).
        groups: (n,) labels.
    """
    values = np.asarray(values, dtype=np.float64)
    _, number = np.unique(np.asarray(groups), return_inverse=True)
    counts = np.bincount(number)
    columns = values.reshape(len(number), -1)
    sums = np.stack([np.bincount(number, weights=c) for c in columns.T], axis=1)
    return (columns - (sums / counts[:, None])[number]).reshape(values.shape)


def centre_two_way(values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return what is left of the values after the best sum of a row and a column effect.

    residual = v_ij - (a_i + b_j) with a, b by least squares over the pairs that exist; for a
    complete table v_ij - mean_j - mean_i + mean. Residuals of the size of rounding become 0.

    Args:
        values: (n,) or (n, n_columns).
        rows: (n,) labels of the structures.
        columns: (n,) labels of the scans.
    """
    values = np.asarray(values, dtype=np.float64)
    if not values.size:
        return values
    table = values.reshape(len(values), -1)
    numbers = [np.unique(np.asarray(labels), return_inverse=True)[1] for labels in (rows, columns)]
    design = np.concatenate([np.eye(number.max() + 1)[number] for number in numbers], axis=1)
    effects, *_ = np.linalg.lstsq(design, table, rcond=None)
    residual = table - design @ effects
    rounding = 1e-12 * np.max(np.abs(table), axis=0)
    return np.where(np.abs(residual) <= rounding, 0.0, residual).reshape(values.shape)


def two_way_freedom[N: (int, np.ndarray)](n_pairs: N, n_structures: N, n_subjects: N) -> N:
    """Return the degrees of freedom that two-way centring leaves; one of them makes any r +-1."""
    return n_pairs - n_structures - n_subjects + 1


def correlation_table(
    table: pd.DataFrame, predictors: list[str], target: str, n_subjects: int | None = None
) -> pd.DataFrame:
    """Return both coefficients of each predictor with the target, per structure and over all.

    Scopes: a structure's key (over scans); `per_structure_mean` (Fisher-z average of those, NaN
    below `LEAST_SUBJECTS` subjects: coefficients of so few are too far apart to be averaged);
    `pooled` (all scans and structures: mixes structures of different kind); `within_structure`
    (pooled after centring per structure); `two_way` (pooled after centring per structure and per
    scan: scans that are worse in everything add nothing).

    Args:
        table: columns structure, subject, `target` and `predictors`, without NaN.
        predictors: column names.
        target: column name.
        n_subjects: independent subjects among the scans; each scan is one if not given.

    Returns:
        Columns scope, statistic, n, pearson, spearman.
    """
    rows = [row for name in predictors for row in _scopes(table, name, target)]
    found = pd.DataFrame(rows, columns=["scope", "statistic", "n", "pearson", "spearman"])
    if (table["subject"].nunique() if n_subjects is None else n_subjects) < LEAST_SUBJECTS:
        found.loc[found["scope"] == "per_structure_mean", ["pearson", "spearman"]] = np.nan
    return found


def _scopes(table: pd.DataFrame, predictor: str, target: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    x, y = table[predictor].to_numpy(), table[target].to_numpy()
    structure, subject = table["structure"].to_numpy(), table["subject"].to_numpy()
    for name in dict.fromkeys(structure):
        u, v = x[structure == name], y[structure == name]
        rows.append((name, predictor, len(u), pearson(u, v), spearman(u, v)))
    n_scans = max((row[2] for row in rows), default=0)
    averages = [fisher_mean(np.array([row[k] for row in rows]), n_scans) for k in (3, 4)]
    rows.append(("per_structure_mean", predictor, len(rows), *averages))
    rows.append(("pooled", predictor, len(x), pearson(x, y), spearman(x, y)))
    u, v = (centre(values, structure) for values in (x, y))
    rows.append(("within_structure", predictor, len(x), pearson(u, v), spearman(u, v)))
    u, v = (centre_two_way(values, structure, subject) for values in (x, y))
    free = two_way_freedom(len(x), len(np.unique(structure)), len(np.unique(subject)))
    both = (pearson(u, v), spearman(u, v)) if free >= LEAST_FREEDOM else (np.nan, np.nan)
    rows.append(("two_way", predictor, len(x), *both))
    return rows
