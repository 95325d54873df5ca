"""Linear mixed model with crossed random intercepts, by restricted maximum likelihood.

    y = X beta + sum_i Z_i u_i + e,   u_i ~ N(0, s_i I),   e ~ N(0, s_e I)

The components come from `reml`, whose likelihood knows the rows only through products of the size
of the random effects; beta is the generalised least squares estimate at these components. No
combination of levels has to be present. A component at 0 is a fit like any other; what the rows do
not determine is NaN. (MixedLM of statsmodels gives the same numbers where its optimisers converge,
which those by gradients often do not, in a second a fit instead of milliseconds.)
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from stages.statistics.methods.reml import Products, fit, one_hot

DEPENDENT = 1e-10  # of the largest singular value: below it, columns depend on each other
LEAST_RESIDUAL = 1e-9  # of the sum of the components, so that a perfect fit has weights
ROUNDING = 1e-24  # of the sum of squares of y


class Model(NamedTuple):
    """What the rows are: fixed effects and levels of the random factors."""

    fixed: np.ndarray
    """X, (n_rows, n_columns)."""

    effects: np.ndarray
    """Z of all factors, (n_rows, n_effects), 1 where a row is of a level."""

    factors: tuple[slice, ...]
    """Which columns of `effects` are of which factor."""


class MixedFit(NamedTuple):
    """Estimates of a mixed model, NaN where the rows do not determine them."""

    coefficients: np.ndarray
    """beta, (n_columns,)."""

    covariance: np.ndarray
    """Of the coefficients at the estimated components, (n_columns, n_columns)."""

    components: np.ndarray
    """(n_factors + 1,), squared units of y, the residual last; none negative."""

    free: int
    """Rows less the rank of X."""


def model(fixed: np.ndarray, factors: Sequence[np.ndarray]) -> Model:
    """Return the design of a mixed model.

    Args:
        fixed: (n_rows, n_columns), a constant among them if there is to be one.
        factors: labels (n_rows,) of each random factor.
    """
    parts = [one_hot(labels) for labels in factors]
    ends = np.cumsum([0, *(part.shape[1] for part in parts)])
    slices = tuple(slice(int(a), int(b)) for a, b in pairwise(ends))
    empty = np.zeros((len(fixed), 0))
    return Model(np.asarray(fixed, np.float64), np.concatenate([empty, *parts], axis=1), slices)


def fit_mixed(y: np.ndarray, design: Model) -> MixedFit:
    """Return the estimates of a mixed model.

    Args:
        y: (n_rows,), finite.
        design: from `model`, of the same rows.

    Returns:
        Components all NaN without a degree of freedom left, or where the likelihood has no
        maximum; a coefficient NaN where the columns of X do not determine it.
    """
    y = np.asarray(y, dtype=np.float64)
    components, free = restricted_components(y, design)
    if not np.isfinite(components).all():
        width = design.fixed.shape[1]
        nothing = np.full((width, width + 1), np.nan)
        return MixedFit(nothing[:, 0], nothing[:, 1:], components, free)
    return MixedFit(*generalised_least_squares(y, design, components), components, free)


def restricted_components(y: np.ndarray, design: Model) -> tuple[np.ndarray, int]:
    """Return the components of a mixed model, (n_factors + 1,), and rows less the rank of X.

    Args:
        y: (n_rows,), finite.
        design: from `model`, of the same rows.
    """
    nothing = np.full(len(design.factors) + 1, np.nan)
    known = _products(y, design)
    if known.free < 1:
        return nothing, known.free
    try:
        return fit(known), known.free
    except (RuntimeError, np.linalg.LinAlgError):
        return nothing, known.free


def _products(y: np.ndarray, design: Model) -> Products:
    """Return the products of `reml`, the columns of X eliminated."""
    basis = _basis(design.fixed)
    rows = np.concatenate([design.effects, y[:, None]], axis=1)
    rows = rows - basis @ (basis.T @ rows)
    rows = rows - basis @ (basis.T @ rows)  # once more: what rounding left
    z, response = rows[:, :-1], rows[:, -1]
    square = float(response @ response)
    square = square if square > ROUNDING * float(y @ y) else 0.0
    return Products(z.T @ z, z.T @ response, square, len(y) - basis.shape[1], design.factors)


def _basis(columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the columns, (n_rows, rank)."""
    if not columns.size:
        return np.zeros((len(columns), 0))
    left, sizes, _ = np.linalg.svd(_unit(columns), full_matrices=False)
    return left[:, sizes > DEPENDENT * max(sizes[0], np.finfo(np.float64).tiny)]


def _unit(columns: np.ndarray) -> np.ndarray:
    length = _lengths(columns)
    return columns / length


def _lengths(columns: np.ndarray) -> np.ndarray:
    length = np.sqrt(np.sum(columns**2, axis=0))
    return np.where(length > 0, length, 1.0)


def generalised_least_squares(
    y: np.ndarray, design: Model, components: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return beta and its covariance at given components.

    (X' V^-1 X)^-1 X' V^-1 y by the matrix identity of Woodbury, V = s_e I + sum_i s_i Z_i Z_i'.

    Args:
        y: (n_rows,), finite.
        design: from `model`, of the same rows.
        components: (n_factors + 1,), none negative, the residual last.

    Returns:
        (n_columns,) and (n_columns, n_columns), NaN where the columns do not determine them.
    """
    length = _lengths(design.fixed)
    rows = np.concatenate([design.fixed / length, y[:, None]], axis=1)
    moments = _weighted_moments(rows, design, components)
    normal, response = moments[:-1, :-1], moments[:-1, -1]
    sizes, directions = np.linalg.eigh(normal)
    kept = sizes > DEPENDENT * max(float(sizes.max(initial=0.0)), np.finfo(np.float64).tiny)
    along = directions[:, kept]
    inverse = (along / sizes[kept]) @ along.T
    unclear = np.sum(along**2, axis=1) < 1.0 - np.sqrt(DEPENDENT)
    coefficients = np.where(unclear, np.nan, inverse @ response)
    covariance = np.where(unclear | unclear[:, None], np.nan, inverse)
    return coefficients / length, covariance / length / length[:, None]


def _weighted_moments(rows: np.ndarray, design: Model, components: np.ndarray) -> np.ndarray:
    """Return R' V^-1 R of some columns R (n_rows, n)."""
    total = float(np.sum(components))
    residual = max(float(components[-1]), LEAST_RESIDUAL * total) if total > 0 else 1.0
    root = np.zeros(design.effects.shape[1])
    for part, variance in zip(design.factors, components[:-1], strict=True):
        root[part] = np.sqrt(variance)
    z = design.effects * root
    inner = residual * np.eye(len(root)) + z.T @ z
    across = z.T @ rows
    return (rows.T @ rows - across.T @ np.linalg.solve(inner, across)) / residual
