"""Variance components of crossed random effects by restricted maximum likelihood, gaps included.

    y = X beta + sum_i Z_i u_i + e,   u_i ~ N(0, s_i I),   e ~ N(0, s_e I)

X holds one mean for each class of the rows (a single class: one mean for all), Z_i says which level
of factor i a row is of. The likelihood depends on the rows only through products of the size of the
random effects (Patterson and Thompson 1971, doi:10.1093/biomet/58.3.545; Harville 1977,
doi:10.1080/01621459.1977.10480998), so that a fit takes milliseconds. No pair has to be present;
with none missing and no negative estimate, the estimates are those of the analysis of variance.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

MOST_STEPS = 500
MOST_HALVINGS = 40
CONVERGED = 1e-11  # of the largest component
ROUNDING = 1e-13  # of the likelihood: a step at its maximum loses no more
LEAST_RESIDUAL = 1e-12  # of the mean square of y: below it, only rounding is left
ZERO = 1e-9  # of the mean square of y: components below it are printed as none


class Products(NamedTuple):
    """What the restricted likelihood needs of the rows, fixed effects eliminated."""

    design: np.ndarray
    """Z'QZ, (n_effects, n_effects), Q the projection that removes the fixed effects."""

    response: np.ndarray
    """Z'Qy, (n_effects,)."""

    square: float
    """y'Qy."""

    free: int
    """Rows less fixed effects."""

    factors: tuple[slice, ...]
    """Which effects are of which factor."""


def products(
    y: np.ndarray, factors: Sequence[np.ndarray], classes: np.ndarray | None = None
) -> Products:
    """Return the products that `fit` needs.

    Args:
        y: (n_rows,), finite, any unit.
        factors: labels (n_rows,) of each random factor.
        classes: labels (n_rows,) of the fixed effects; None for one mean.
    """
    y = np.asarray(y, dtype=np.float64)
    fixed = one_hot(np.zeros(len(y)) if classes is None else classes)
    designs = [one_hot(labels) for labels in factors]
    ends = np.cumsum([0, *(each.shape[1] for each in designs)])
    z = np.concatenate([*designs, y[:, None] - y.mean()], axis=1)
    z = z - fixed @ ((fixed.T @ z) / fixed.sum(axis=0)[:, None])
    z, response = z[:, :-1], z[:, -1]
    return Products(
        z.T @ z,
        z.T @ response,
        float(response @ response),
        len(y) - fixed.shape[1],
        tuple(slice(int(a), int(b)) for a, b in pairwise(ends)),
    )


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Return (n_rows, n_levels), 1 where a row is of a level; levels in ascending order."""
    levels, number = np.unique(labels, return_inverse=True)
    return (number[:, None] == np.arange(len(levels))).astype(np.float64)


class _Point(NamedTuple):
    likelihood: float
    score: np.ndarray
    information: np.ndarray


def fit(known: Products) -> np.ndarray:
    """Return the components that maximise the restricted likelihood, none negative.

    Fisher scoring; a component at 0 stays there while the likelihood falls with it. For balanced
    rows one step leads to the estimates of the analysis of variance.

    Args:
        known: from `products`, with at least one degree of freedom.

    Returns:
        (n_factors + 1,) in squared units of y, the residual last.

    Raises:
        RuntimeError: if the iteration does not settle.
    """
    scale = known.square / known.free
    if not scale > 0:
        return np.zeros(len(known.factors) + 1)
    unit = known._replace(response=known.response / np.sqrt(scale), square=float(known.free))
    found = np.full(len(known.factors) + 1, 1.0 / (len(known.factors) + 1))
    for _ in range(MOST_STEPS):
        moved = _step(unit, found)
        change = np.abs(moved - found).max()
        found = moved
        if change <= CONVERGED * found.max():
            return scale * np.where(found > ZERO, found, 0.0)
    raise RuntimeError(f"restricted likelihood: no maximum within {MOST_STEPS} steps")


def _step(known: Products, found: np.ndarray) -> np.ndarray:
    here = _evaluate(known, found)
    least = np.append(np.zeros(len(found) - 1), LEAST_RESIDUAL)
    step = _direction(here, found <= least)
    lowest = here.likelihood - ROUNDING * abs(here.likelihood)
    for _ in range(MOST_HALVINGS):
        moved = np.maximum(found + step, least)
        if restricted_likelihood(known, moved) >= lowest:
            return moved
        step = step / 2.0
    return found


def _direction(here: _Point, at_bound: np.ndarray) -> np.ndarray:
    """Return the step of Fisher scoring of the components that may move."""
    step = np.zeros(len(here.score))
    free = ~at_bound | (here.score > 0)
    while free.any():
        step[:] = 0.0
        step[free] = np.linalg.lstsq(
            here.information[np.ix_(free, free)], here.score[free], rcond=None
        )[0]
        outward = free & at_bound & (step < 0)
        if not outward.any():
            break
        free &= ~outward
    return np.where(free, step, 0.0)


def restricted_likelihood(known: Products, components: np.ndarray) -> float:
    """Return the logarithm of the restricted likelihood but for a constant.

    Args:
        known: from `products`.
        components: (n_factors + 1,), the residual last, which is positive.

    Returns:
        Minus infinity where the residual is too small for double precision.
    """
    root, residual = _roots(known, components), components[-1]
    inner = np.eye(len(root)) + root[:, None] * known.design * root / residual
    try:
        factor = np.linalg.cholesky(inner)
    except np.linalg.LinAlgError:
        return -np.inf
    explained = np.linalg.solve(factor, root * known.response) / residual
    quadratic = known.square / residual - float(explained @ explained)
    logarithm = 2.0 * float(np.log(np.diag(factor)).sum()) + known.free * float(np.log(residual))
    return -0.5 * (logarithm + quadratic)


def _roots(known: Products, components: np.ndarray) -> np.ndarray:
    root = np.empty(len(known.response))
    for part, variance in zip(known.factors, components[:-1], strict=True):
        root[part] = np.sqrt(variance)
    return root


def _evaluate(known: Products, components: np.ndarray) -> _Point:
    """Return likelihood, its gradient and the expected information at some components."""
    residual = components[-1]
    variance = _roots(known, components) ** 2
    # Z'PZ and Z'Py, P = V^-1 less the fixed effects
    inner = residual * np.eye(len(variance)) + known.design * variance
    solved = np.linalg.solve(inner, np.column_stack([known.design, known.response]))
    zpz, zpy = solved[:, :-1], solved[:, -1]
    parts = known.factors
    trace = np.array([np.trace(zpz[p, p]) for p in parts])
    square = np.array([float(np.sum(zpy[p] ** 2)) for p in parts])
    cross = np.array([[float(np.sum(zpz[p, q] * zpz[q, p].T)) for q in parts] for p in parts])
    cross = cross.reshape(len(parts), len(parts))
    s = components[:-1]
    with_residual = (trace - cross @ s) / residual
    trace_p = (known.free - s @ trace) / residual
    trace_pp = (trace_p - s @ with_residual) / residual
    ypy = (known.square - float(known.response @ (variance * zpy))) / residual
    ypp = (ypy - s @ square) / residual
    score = 0.5 * np.append(square - trace, ypp - trace_p)
    information = 0.5 * np.block(
        [[cross, with_residual[:, None]], [with_residual[None], np.array([[trace_pp]])]]
    )
    return _Point(restricted_likelihood(known, components), score, information)
