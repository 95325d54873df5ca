"""Sums, ranks and coefficients of weighted points: a draw of a bootstrap is a set of weights."""

from typing import NamedTuple

import numpy as np

# squared spread within a draw, fraction of that of all scans, below which a variable is constant
CONSTANT = 1e-10
ROUNDING = 1e-12  # fraction of the largest value; smaller differences are rounding


def quotient(numerator: np.ndarray, denominator: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.where(where, numerator / np.where(where, denominator, 1.0), np.nan)


def correlation(xy: np.ndarray, xx: np.ndarray, yy: np.ndarray, where: np.ndarray) -> np.ndarray:
    where = where & (xx > 0) & (yy > 0)
    scale = np.sqrt(np.where(where, xx, 1.0)) * np.sqrt(np.where(where, yy, 1.0))
    return np.clip(quotient(xy, scale, where), -1.0, 1.0)


class Sums(NamedTuple):
    """Weighted sums (n_draws, n_structures) of 1, x, y, xx, yy and xy."""

    w: np.ndarray
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    yy: np.ndarray
    xy: np.ndarray

    def pooled(self) -> "Sums":
        return Sums(*(part.sum(axis=-1) for part in self))

    def centred(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        w = np.where(self.w > 0, self.w, 1.0)
        return (
            self.xy - self.x * self.y / w,
            self.xx - self.x**2 / w,
            self.yy - self.y**2 / w,
        )


def sums_of(x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray) -> Sums:
    x, y = np.where(present, x, 0.0), np.where(present, y, 0.0)
    columns = np.concatenate([present.astype(np.float64), x, y, x * x, y * y, x * y])
    return Sums(*np.split(weights @ columns.T, 6, axis=-1))


def least_spread(values: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return the sum of squares below which `values`, centred, are constant in a draw."""
    return CONSTANT * total * np.nanmean(values**2) if np.isfinite(values).any() else 0.0 * total


def structure_centred(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return values less their structure's mean, NaN where absent, rounding taken for zero."""
    count = present.sum(axis=1, keepdims=True)
    total = np.where(present, values, 0.0).sum(axis=1, keepdims=True)
    centred = np.where(present, values - total / np.maximum(count, 1), np.nan)
    return without_rounding(centred, values)


def without_rounding(centred: np.ndarray, values: np.ndarray) -> np.ndarray:
    scale = np.max(np.abs(values), initial=0.0, where=np.isfinite(values))
    return np.where(np.abs(centred) <= ROUNDING * scale, 0.0, centred)


def fixed_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return mean ranks in every draw of values (n,) that all draws share: (n_draws, n)."""
    below = (values < values[:, None]) + 0.5 * (values == values[:, None])
    return weights @ below.T + 0.5


def weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean rank of each value where value i stands w_i times.

    Args:
        values: (n_draws, n).
        weights: (n_draws, n).

    Returns:
        (n_draws, n); rank of the copies of a value, of itself alone (0.5 below) if its weight is 0.
    """
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    w = np.take_along_axis(weights, order, axis=-1).astype(np.float64)
    upto = np.cumsum(w, axis=-1)
    edge = np.ones((len(values), 1), dtype=bool)
    new = np.concatenate([edge, ordered[:, 1:] != ordered[:, :-1]], axis=-1)
    last = np.concatenate([new[:, 1:], edge], axis=-1)
    start = np.maximum.accumulate(np.where(new, upto - w, 0.0), axis=-1)
    backwards = np.where(last, upto, np.inf)[:, ::-1]
    end = np.minimum.accumulate(backwards, axis=-1)[:, ::-1]
    ranks = np.empty_like(upto)
    np.put_along_axis(ranks, order, (start + end + 1.0) / 2.0, axis=-1)
    return ranks


def weighted_pearson(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Pearson's r of ranks that stand w times each, NaN where all are the same.

    Args:
        x: (n_draws, n) or (n,).
        y: (n_draws, n) or (n,).
        weights: (n_draws, n).

    Returns:
        (n_draws,).
    """
    w = np.asarray(weights, dtype=np.float64)
    total = np.maximum(w.sum(axis=-1, keepdims=True), 1.0)
    x, y = (v - np.sum(w * v, axis=-1, keepdims=True) / total for v in (x, y))
    xx, yy = (np.sum(w * v * v, axis=-1) for v in (x, y))
    enough = (xx > ROUNDING * total[..., 0]) & (yy > ROUNDING * total[..., 0])
    return correlation(np.sum(w * x * y, axis=-1), xx, yy, enough)


def defined_correlation(
    centred: tuple[np.ndarray, ...], x: np.ndarray, y: np.ndarray, total: np.ndarray
) -> np.ndarray:
    xy, xx, yy = centred
    return correlation(xy, xx, yy, (xx > least_spread(x, total)) & (yy > least_spread(y, total)))
