"""Correlation of a voxelwise measure with the variation of a volume, and where it comes from.

Undefined coefficients (fewer than three scans, or no variation) are NaN; callers leave them out and
count them.
"""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

LEAST_SCANS = 3  # two points always lie on a line
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


def correlation_table(table: pd.DataFrame, predictors: list[str], target: str) -> pd.DataFrame:
    """Return both coefficients of each predictor with the target, per structure and over all.

    Scopes: a structure's key (over scans); `per_structure_mean` (Fisher-z average of those);
    `pooled` (all scans and structures: mixes structures of different kind); `within_structure`
    (pooled after centring per structure).

    Args:
        table: columns structure, `target` and `predictors`, without NaN.
        predictors: column names.
        target: column name.

    Returns:
        Columns scope, statistic, n, pearson, spearman.
    """
    rows = [row for name in predictors for row in _scopes(table, name, target)]
    return pd.DataFrame(rows, columns=["scope", "statistic", "n", "pearson", "spearman"])


def _scopes(table: pd.DataFrame, predictor: str, target: str) -> list[tuple]:
    rows = []
    for structure, part in table.groupby("structure", sort=False):
        x, y = part[predictor].to_numpy(), part[target].to_numpy()
        rows.append((structure, predictor, len(x), pearson(x, y), spearman(x, y)))
    n_scans = max((row[2] for row in rows), default=0)
    averages = [fisher_mean(np.array([row[k] for row in rows]), n_scans) for k in (3, 4)]
    rows.append(("per_structure_mean", predictor, len(rows), *averages))
    x, y = table[predictor].to_numpy(), table[target].to_numpy()
    rows.append(("pooled", predictor, len(x), pearson(x, y), spearman(x, y)))
    x, y = (centre(v, table["structure"].to_numpy()) for v in (x, y))
    rows.append(("within_structure", predictor, len(x), pearson(x, y), spearman(x, y)))
    return rows
