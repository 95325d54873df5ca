"""Within-structure slopes after subjects exchanged their predictors, structures kept.

The target's model without the predictor gives the variances of subjects and of the rest. What ln
volume and the structures explain of the predictor is taken out before the exchange, and again after
it (Dekker, Krackhardt and Snijders 2007, doi:10.1007/s11336-007-9016-1). A permuted slope needs
sums of products of one scan's target and another's predictor alone, which all permutations share.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.statistics.methods.mixed_model import model, restricted_components
from stages.statistics.methods.permutation import TIE
from stages.statistics.methods.reml import one_hot
from stages.statistics.methods.within_between import Table

LEAST = 1e-12  # of the sum of squares, below which a predictor does not vary


class Permuted(NamedTuple):
    """Of each order of the scans; NaN where undefined."""

    slope: np.ndarray
    """(n_orders,)."""

    variance: np.ndarray
    """(n_orders,), of the slope where there is no relation."""


class _Null(NamedTuple):
    """What the target without its predictor gives, over rows with target and volume."""

    basis: np.ndarray
    """(n_rows, rank), orthonormal: structures and ln volume, rows less a part of their subject."""

    residual: np.ndarray
    """(n_rows,), of the target."""

    members: np.ndarray
    """(n_rows, n_subjects), 1 where a row is of a subject."""

    part: np.ndarray
    """(n_subjects,), how much of a subject's mean is taken from its rows."""

    def less_subjects(self, columns: np.ndarray) -> np.ndarray:
        """Return columns (n_rows, n) less a part of their subject's mean."""
        means = (self.members.T @ columns) / self.members.sum(axis=0)[:, None]
        return columns - self.members @ (self.part[:, None] * means)


def permuted_slopes(table: Table, order: np.ndarray) -> Permuted:
    """Return slope and its variance in every order of the predictor's scans.

    Args:
        table: predictor, target, ln volume; a predictor that is absent counts as its structure's
            mean.
        order: (n_orders, n_scans), from which scan each one's predictor comes.
    """
    nothing = np.full(len(order), np.nan)
    here = np.isfinite(table.y) & np.isfinite(table.size)
    null = _null(table, here)
    if null is None:
        return Permuted(nothing, nothing)
    x = _residual_predictor(table)
    k, s = np.nonzero(here)
    weights = null.less_subjects(np.c_[null.residual[:, None], null.basis])  # symmetric
    onto = _by_scan(weights, k, s, x.shape)
    scans = np.arange(len(table.subject))
    found = np.einsum("cks,kt->cst", onto, x)[:, scans, order].sum(axis=2)
    cross, along = found[0], found[1:]
    square = _squares(null, here, table.subject, x, order)
    size = square - (along**2).sum(axis=0)
    varies = size > LEAST * np.maximum(square.max(initial=0.0), np.finfo(float).tiny)
    size = np.where(varies, size, np.nan)
    free = max(len(null.residual) - null.basis.shape[1], 1)
    return Permuted(cross / size, float(null.residual @ null.residual) / free / size)


def mean_slope(parts: Sequence[Permuted]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean slope of some tables in every order, and it over its standard error."""
    slope = np.mean([part.slope for part in parts], axis=0)
    error = np.sqrt(np.mean([part.variance for part in parts], axis=0))
    return slope, slope / np.where(error > 0, error, np.nan)


def _null(table: Table, here: np.ndarray) -> _Null | None:
    k, s = np.nonzero(here)
    if not len(k):
        return None
    y, size = table.y[k, s], table.size[k, s]
    structures = one_hot(k)
    level = structures @ ((structures.T @ size) / structures.sum(axis=0))
    fixed = np.stack([np.ones(len(k)), level, size - level], axis=1)
    found, _ = restricted_components(y, model(fixed, [k, table.subject[s]]))
    residual = float(found[2])
    if not residual > 0:
        return None
    members = one_hot(table.subject[s])
    part = 1.0 - 1.0 / np.sqrt(1.0 + float(found[1]) / residual * members.sum(axis=0))
    null = _Null(np.zeros((len(k), 0)), y, members, part)
    columns = null.less_subjects(np.c_[structures, size - level, y])
    left, sizes, _ = np.linalg.svd(columns[:, :-1], full_matrices=False)
    basis = left[:, sizes > LEAST**0.5 * sizes.max()]
    rest = columns[:, -1] - basis @ (basis.T @ columns[:, -1])
    return null._replace(basis=basis, residual=rest)


def _residual_predictor(table: Table) -> np.ndarray:
    """Return the predictor less structures and ln volume, (n_structures, n_scans), 0 if absent."""
    there = np.isfinite(table.x) & np.isfinite(table.size)
    k, s = np.nonzero(there)
    residual = np.zeros(table.x.shape)
    if len(k):
        columns = np.c_[table.x[k, s], table.size[k, s]]
        structures = one_hot(k)
        columns = columns - structures @ (
            (structures.T @ columns) / structures.sum(axis=0)[:, None]
        )
        square = float(columns[:, 1] @ columns[:, 1])
        slope = float(columns[:, 0] @ columns[:, 1]) / square if square > 0 else 0.0
        residual[k, s] = columns[:, 0] - slope * columns[:, 1]
        rounding = LEAST * np.abs(table.x[k, s]).max()
        residual[np.abs(residual) <= rounding] = 0.0
    return residual


def _by_scan(
    columns: np.ndarray, k: np.ndarray, s: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """Return columns (n_rows, n) as (n, n_structures, n_scans), 0 where there is no row."""
    found = np.zeros((columns.shape[1], *shape))
    found[:, k, s] = columns.T
    return found


def _squares(
    null: _Null, here: np.ndarray, subject: np.ndarray, x: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """Return the squares of the permuted predictor, less its subjects' parts, (n_orders,)."""
    scans = np.arange(len(subject))
    there = here.astype(np.float64)
    square = (there.T @ x**2)[scans, order].sum(axis=1)
    known = here.any(axis=0)
    sums = (there.T @ x)[scans, order][:, known] @ one_hot(subject[known])
    count = null.members.sum(axis=0)
    return square - (sums**2 / count) @ (1.0 - (1.0 - null.part) ** 2)


def permutation_p(statistics: np.ndarray) -> float:
    """Return the fraction of orders, the cohort's own first among them, that are as extreme.

    Args:
        statistics: (n_orders,), NaN where undefined; those are left out.
    """
    if not len(statistics) or not np.isfinite(statistics[0]):
        return float("nan")
    known = np.abs(statistics[np.isfinite(statistics)])
    return float(np.mean(known >= known[0] - TIE))
