"""Effects of structures and scans removed from a table together, in every draw of a bootstrap."""

import numpy as np

from stages.statistics.methods.correlation import (
    centre_two_way,
)
from stages.statistics.methods.weighted import (
    CONSTANT,
    defined_correlation,
    structure_centred,
    without_rounding,
)


def _two_way_effects(
    values: np.ndarray, present: np.ndarray, weights: np.ndarray, inverse: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what structures add, and the sums it is fitted to, (n_draws, n_structures) each.

    Args:
        values: (n_structures, n_subjects) less the mean of each subject, 0 where absent.
        present: (n_structures, n_subjects).
        weights: (n_draws, n_subjects).
        inverse: (n_draws, n_structures, n_structures) of `two_way_inverse`.
    """
    sums = weights @ np.where(present, values, 0.0).T
    return np.einsum("bij,bj->bi", inverse, sums), sums


def two_way_inverse(present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the pseudo-inverse of the normal equations of structures, subjects eliminated."""
    here = present.astype(np.float64)
    if present.all():
        centring = np.eye(len(here)) - 1.0 / max(len(here), 1)
        return centring / weights.sum(axis=1)[:, None, None]
    count = np.maximum(here.sum(axis=0), 1.0)
    own = here.T[:, :, None] * np.eye(len(here))
    each = own - here.T[:, :, None] * here.T[:, None, :] / count[:, None, None]
    n = len(here)
    equations = (weights @ each.reshape(len(count), -1)).reshape(-1, n, n)
    return np.linalg.pinv(equations, rcond=CONSTANT, hermitian=True)


def _subject_centred(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    centred = structure_centred(values.T, present.T).T
    return np.where(present, centred, 0.0)


def two_way_draws(
    x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    inverse = two_way_inverse(present, weights)
    # taking the table's own effects out first leaves nothing large to cancel
    x, y = (_two_way_residual(v, present) for v in (x, y))
    u, v = (_subject_centred(values, present) for values in (x, y))
    (a, sum_u), (b, sum_v) = (_two_way_effects(t, present, weights, inverse) for t in (u, v))
    moments = [(u * v).sum(axis=0), (u * u).sum(axis=0), (v * v).sum(axis=0)]
    fitted = [(a * sum_v).sum(axis=1), (a * sum_u).sum(axis=1), (b * sum_v).sum(axis=1)]
    centred = tuple(weights @ m - f for m, f in zip(moments, fitted, strict=True))
    total = (weights @ present.T.astype(np.float64)).sum(axis=1)
    return defined_correlation(centred, x, y, total)


def _two_way_residual(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(present)
    centred = np.full(values.shape, np.nan)
    centred[present] = centre_two_way(values[present], rows, columns)
    return centred


def two_way_in_draws(
    values: np.ndarray, present: np.ndarray, weights: np.ndarray, inverse: np.ndarray
) -> np.ndarray:
    """Return (n_draws, n_pairs) less the effects of structure and subject in the draw."""
    residual = _subject_centred(_two_way_residual(values, present), present)
    effects, _ = _two_way_effects(residual, present, weights, inverse)
    count = np.maximum(present.sum(axis=0), 1)
    mean = effects @ (present / count)
    moved = residual[None] - effects[:, :, None] + mean[:, None, :]
    return without_rounding(moved[:, present], values)
