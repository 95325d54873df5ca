"""Medians and means of weighted values: a draw of a bootstrap is a set of weights."""

import numpy as np


def weighted_medians(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the median of each row with every value repeated as often as its weight says.

    Args:
        values: (n_rows, n_values), NaN for values to leave out.
        weights: (n_draws, n_values), whole numbers, 0 or more.

    Returns:
        (n_draws, n_rows), as numpy's median of the repeated values; NaN where nothing is left.
    """
    order = np.argsort(values, axis=1)
    known = np.isfinite(values)
    ordered = np.take_along_axis(values, order, axis=1)
    result = np.full((len(weights), len(values)), np.nan)
    for draw, weight in enumerate(np.asarray(weights, dtype=np.int64)):
        counts = np.cumsum(np.take_along_axis(weight * known, order, axis=1), axis=1)
        total = counts[:, -1:]
        places = [(counts > k).argmax(axis=1)[:, None] for k in ((total - 1) // 2, total // 2)]
        middle = [np.take_along_axis(ordered, place, axis=1)[:, 0] for place in places]
        result[draw] = np.where(total[:, 0] > 0, (middle[0] + middle[1]) / 2.0, np.nan)
    return result


def weighted_means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean of each row with every value counted as often as its weight says.

    Args:
        values: (n_rows, n_values), no NaN.
        weights: (n_draws, n_values), not all 0 in any draw.

    Returns:
        (n_draws, n_rows).
    """
    weights = np.asarray(weights, dtype=np.float64)
    return weights @ values.T / weights.sum(axis=1, keepdims=True)


def weighted_median(values: np.ndarray, scan: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the median of pairs that come as often as their scans do.

    Args:
        values: (n_pairs,), NaN for pairs to leave out.
        scan: (n_pairs,), number of the scan of each pair.
        weights: (n_draws, n_scans), whole numbers, 0 or more.

    Returns:
        (n_draws,), as numpy's median of the repeated values; NaN where nothing is left.
    """
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.full(len(weights), np.nan)
    order = known[np.argsort(values[known], kind="stable")]
    counts = np.cumsum(weights[:, scan[order]], axis=1)
    total, ordered = counts[:, -1:], values[order]
    places = [(counts > k).argmax(axis=1) for k in ((total - 1) // 2, total // 2)]
    middle = (ordered[places[0]] + ordered[places[1]]) / 2.0
    return np.where(total[:, 0] > 0, middle, np.nan)
