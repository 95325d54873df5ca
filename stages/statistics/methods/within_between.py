"""Slopes of a target on a predictor within structures and between them.

    y_ks = c + w (x_ks - mean_k x) + b mean_k x + the same of volume + structure_k + subject_s + e

(Mundlak 1978, doi:10.2307/1913646): w says whether a structure has a larger target in the scans in
which its predictor is larger, b whether structures of a larger predictor have a larger target.
Structures and subjects are random, their variances those of the restricted likelihood. Subjects are
the independent units of w and structures those of b, whose intervals leave each unit out in turn.
In both the other factor is taken out whole, so that rows of different units are independent; where
no pair is missing, that leaves the estimate as it is.
"""

from typing import NamedTuple

import numpy as np

from stages.statistics.methods.bootstrap import Interval
from stages.statistics.methods.jackknife import left_out_interval
from stages.statistics.methods.mixed_model import model, restricted_components
from stages.statistics.methods.reml import one_hot

DEPENDENT = 1e-10  # of the largest eigenvalue: below it, columns depend on each other
ROUNDING = 1e-12  # of the largest value: a constant has no deviation


class Table(NamedTuple):
    """A predictor and a target of structure-scan pairs, NaN where a pair is undefined."""

    x: np.ndarray
    """(n_structures, n_scans)."""

    y: np.ndarray
    """(n_structures, n_scans)."""

    size: np.ndarray
    """(n_structures, n_scans), ln volume."""

    subject: np.ndarray
    """(n_scans,) labels: the subject of each scan."""

    @property
    def present(self) -> np.ndarray:
        """Return the pairs that have all values, (n_structures, n_scans) bool."""
        return np.isfinite(self.x) & np.isfinite(self.y) & np.isfinite(self.size)


class Slope(NamedTuple):
    """A slope and what it would be without each unit; NaN where undefined."""

    value: float
    without: np.ndarray
    """(n_units,)."""

    def interval(self, level: float) -> Interval:
        """Return the t interval of the jackknife over units."""
        return left_out_interval(self.value, [self.without], level)


class Fitted(NamedTuple):
    """Both slopes of a table and its variances."""

    within: Slope
    between: Slope
    components: np.ndarray
    """(3,): structures, subjects, the rest; NaN where undefined."""


class _Rows(NamedTuple):
    y: np.ndarray
    structure: np.ndarray
    subject: np.ndarray
    terms: np.ndarray
    """(n_pairs, 4): deviation and structure mean of the predictor, then of ln volume."""


def _rows(table: Table) -> _Rows:
    k, s = np.nonzero(table.present)
    count = np.maximum(np.bincount(k, minlength=len(table.x)), 1)
    columns = []
    for values in (table.x[k, s], table.size[k, s]):
        mean = (np.bincount(k, values, minlength=len(table.x)) / count)[k]
        centre = values.sum() / max(len(values), 1)  # a far origin would look like the constant
        rounding = ROUNDING * np.abs(values).max(initial=0.0)
        columns += [_settled(part, rounding) for part in (values - mean, mean - centre)]
    return _Rows(table.y[k, s], k, table.subject[s], np.stack(columns, axis=1))


def _settled(values: np.ndarray, rounding: float) -> np.ndarray:
    return np.where(np.abs(values) <= rounding, 0.0, values)


def fit_slopes(table: Table) -> Fitted:
    """Return both slopes of a table with their jackknives."""
    rows = _rows(table)
    nothing = Slope(float("nan"), np.zeros(0))
    if not len(rows.y):
        return Fitted(nothing, nothing, np.full(3, np.nan))
    fixed = np.concatenate([np.ones((len(rows.y), 1)), rows.terms], axis=1)
    found, _ = restricted_components(rows.y, model(fixed, [rows.structure, rows.subject]))
    if not np.isfinite(found).all():
        return Fitted(nothing, nothing, found)
    within = rows.terms[:, [0, 2]]
    of_subjects = _leaving_out(rows.y, within, rows.subject, rows.structure, _ratio(found, 1))
    between = rows.terms[:, [1, 3, 0, 2]]
    of_structures = _leaving_out(rows.y, between, rows.structure, rows.subject, _ratio(found, 0))
    return Fitted(of_subjects, of_structures, found)


def _ratio(components: np.ndarray, factor: int) -> float:
    """Return a factor's variance over the residual's, no larger than a perfect fit may have."""
    residual = max(float(components[2]), 1e-9 * float(components.sum()))
    return float(components[factor]) / residual if residual > 0 else 0.0


def _leaving_out(
    y: np.ndarray, terms: np.ndarray, unit: np.ndarray, other: np.ndarray, ratio: float
) -> Slope:
    """Return the coefficient of the first term, and without each unit.

    Units are random with `ratio`, levels of the other factor fixed: rows less a part of their
    unit's mean are independent (Fuller and Battese 1973, doi:10.1080/01621459.1973.10481386), and
    the normal equations of all rows are the sum of those of the units.

    Args:
        y: (n_rows,).
        terms: (n_rows, n_terms).
        unit: (n_rows,) labels of the units.
        other: (n_rows,) labels of the other factor.
        ratio: variance of the units over that of the rest.
    """
    columns = np.concatenate([terms, one_hot(other), y[:, None]], axis=1)
    members = one_hot(unit)
    count = members.sum(axis=0)
    part = 1.0 - 1.0 / np.sqrt(1.0 + ratio * count)
    means = (members.T @ columns) / count[:, None]
    columns = columns - members @ (part[:, None] * means)
    own = np.stack([columns[of].T @ columns[of] for of in members.T.astype(bool)])
    whole = own.sum(axis=0)
    found = _first_coefficient(np.concatenate([whole[None], whole - own]))
    return Slope(float(found[0]), found[1:])


def _first_coefficient(moments: np.ndarray) -> np.ndarray:
    """Return the first coefficient of each (n, n_columns + 1, n_columns + 1), the target last."""
    scale = np.sqrt(np.diagonal(moments[0])[:-1])
    scale = np.where(scale > 0, scale, 1.0)
    normal = moments[:, :-1, :-1] / scale / scale[:, None]
    response = moments[:, :-1, -1] / scale
    sizes, directions = np.linalg.eigh(normal)
    kept = sizes > DEPENDENT * np.maximum(sizes.max(axis=1, keepdims=True), 1.0)
    first = directions[:, 0, :] * kept
    weights = first / np.where(kept, sizes, 1.0)
    value = np.einsum("gi,gci,gc->g", weights, directions, response) / scale[0]
    known = np.sum(first**2, axis=1) > 1.0 - np.sqrt(DEPENDENT)
    return np.where(known, value, np.nan)
