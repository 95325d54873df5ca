"""Intervals for the volume of the fully sampled scan, made from an ensemble's volumes.

All intervals are in units of the ensemble mean: with ratio r = y / mean_m(V) of the true volume y,
an interval [low, high] for r is [low, high] * mean_m(V) for y, so scans of different size compare.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from stages.statistics.methods.thresholds import (
    ROUNDING,
    check_alpha,
    left_out_thresholds,
    upper_quantile,
)

METHODS = ("naive", "absolute", "scaled", "cqr", "jackknife_plus", "joint")


class Pairs(NamedTuple):
    """One group's volumes in units of the ensemble mean: (structures, scans), NaN if undefined."""

    ratio: np.ndarray
    """The true volume."""

    cv: np.ndarray
    """Standard deviation over members, ddof = 1."""

    n_members: np.ndarray
    """Count; 0 where undefined."""

    lower: np.ndarray
    """Quantile over members; one is below it or above `upper` with probability alpha."""

    upper: np.ndarray
    """See `lower`."""


def jackknife_plus(
    ratio: np.ndarray, subject: np.ndarray, alpha: float, correct: bool = True
) -> tuple[float, float]:
    """Return the jackknife+ interval for the ratio of a scan of a new subject.

    The prediction b_-e is the mean ratio of all subjects but e (means of a subject first), 1 if not
    corrected; scores |r_i - b_-e(i)| / b_-e(i); the interval reaches from the floor((n + 1)
    alpha)-th smallest b_-e(i) (1 - score_i) to the ceil((n + 1)(1 - alpha))-th smallest b_-e(i) (1
    + score_i). It covers at least 1 - 2 alpha, about 1 - alpha in practice (Barber, Candes, Ramdas
    and Tibshirani 2021, doi:10.1214/20-AOS1965; subjects of several scans as in `upper_quantile`).
    Uncorrected it is the split-conformal interval of the scores |r - 1|.

    Args:
        ratio: (n,), true volume / ensemble mean, of the calibrating scans.
        subject: (n,) labels.
        alpha: between 0 and 0.5.
        correct: whether the prediction is corrected by the mean bias of the other subjects.

    Returns:
        low, high; NaN if there are too few subjects.
    """
    labels, number, counts = np.unique(subject, return_inverse=True, return_counts=True)
    if len(labels) < 2:
        return math.nan, math.nan
    means = np.bincount(number, weights=ratio) / counts
    others = (means.sum() - means) / (len(means) - 1) if correct else np.ones(len(means))
    location = others[number]
    radius = np.abs(ratio - location)
    high = upper_quantile(location + radius, subject, alpha)
    low = -upper_quantile(radius - location, subject, alpha)
    return (low, high) if math.isfinite(high) and math.isfinite(low) else (math.nan, math.nan)


def normalised(deviation: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return deviation / scale; without a scale only an exact prediction has a finite score, 0.

    Args:
        deviation: not negative.
        scale: not negative, broadcast against `deviation`.
    """
    deviation, scale = np.broadcast_arrays(deviation, scale)
    certain = np.where(deviation > ROUNDING, np.inf, np.where(np.isnan(deviation), np.nan, 0.0))
    undefined = np.where(np.isnan(scale), np.nan, certain)
    return np.divide(deviation, scale, out=undefined, where=scale > 0)


def naive_intervals(
    ratio: np.ndarray, cv: np.ndarray, n_members: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean +- t_{M - 1, 1 - alpha / 2} s, about right only if truth is one more member.

    Even then it is too narrow by the factor sqrt(1 + 1 / M), which the mean's own error asks for.

    Args:
        ratio: (structures, scans); NaN marks pairs without an interval.
        cv: (structures, scans), s / mean as a fraction.
        n_members: (structures, scans), M.
        alpha: between 0 and 0.5.

    Returns:
        low, high (structures, scans), NaN where undefined.
    """
    degrees = np.where(n_members > 1, n_members - 1.0, np.nan)
    radius = student.ppf(1.0 - alpha / 2.0, degrees) * cv
    radius = np.where(np.isnan(ratio), np.nan, radius)
    return 1.0 - radius, 1.0 + radius


def split_intervals(
    scores: np.ndarray, scale: np.ndarray, subject: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return split-conformal intervals 1 +- q scale; the ensemble fits nothing, so all calibrate.

    Args:
        scores: (structures, scans), |r - 1| / scale; NaN where undefined.
        scale: (structures, scans) or broadcast to it.
        subject: (scans,) labels.
        alpha: between 0 and 0.5.

    Returns:
        low, high (structures, scans), NaN where undefined.
    """
    q = _own_thresholds(scores, subject, alpha)
    return 1.0 - q * scale, 1.0 + q * scale


def _own_thresholds(scores: np.ndarray, subject: np.ndarray, alpha: float) -> np.ndarray:
    q = np.array([left_out_thresholds(row, subject, alpha) for row in scores]).reshape(scores.shape)
    return np.where(np.isfinite(q) & ~np.isnan(scores), q, np.nan)


def quantile_intervals(
    pairs: Pairs, subject: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the intervals of conformalised quantile regression, [lower - q, upper + q].

    Scores max(lower - r, r - upper), negative inside: what the ensemble's own quantiles miss is
    added at both ends, and taken off where they reach too far (Romano, Patterson and Candes 2019,
    Conformalized Quantile Regression, NeurIPS 32). An interval whose ends cross is empty.

    Args:
        pairs: ratio, lower and upper are used.
        subject: (scans,) labels.
        alpha: between 0 and 0.5.

    Returns:
        low, high (structures, scans), NaN where undefined.
    """
    scores = np.maximum(pairs.lower - pairs.ratio, pairs.ratio - pairs.upper)
    q = _own_thresholds(scores, subject, alpha)
    return pairs.lower - q, pairs.upper + q


def jackknife_intervals(
    ratio: np.ndarray, subject: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return `jackknife_plus` of each structure and scan, made from all other subjects.

    Args:
        ratio: (structures, scans); NaN where undefined.
        subject: (scans,) labels.
        alpha: between 0 and 0.5.

    Returns:
        low, high (structures, scans), NaN where undefined.
    """
    bounds = np.full((2, *ratio.shape), np.nan)
    for k, row in enumerate(ratio):
        known = ~np.isnan(row)
        for left_out in np.unique(subject[known]):
            rest, new = known & (subject != left_out), known & (subject == left_out)
            low, high = jackknife_plus(row[rest], subject[rest], alpha)
            bounds[0, k, new], bounds[1, k, new] = low, high
    return bounds[0], bounds[1]


def structure_scale(cv: np.ndarray) -> np.ndarray:
    """Return each structure's root mean square variability over the scans.

    It knows nothing of the true volumes and treats all scans alike, the predicted one too, so that
    scores divided by it stay exchangeable; it is steadier than the SD in one scan.

    Args:
        cv: (structures, scans), NaN where undefined.

    Returns:
        (structures, 1), NaN where undefined in all scans.
    """
    known = ~np.isnan(cv)
    total = np.sum(np.where(known, cv, 0.0) ** 2, axis=1, keepdims=True)
    counts = known.sum(axis=1, keepdims=True)
    mean = np.divide(total, counts, out=np.full(total.shape, np.nan), where=counts > 0)
    return np.sqrt(mean)


def largest(scores: np.ndarray) -> np.ndarray:
    """Return each scan's largest defined score (scans,), NaN for a scan without any.

    Args:
        scores: (structures, scans).
    """
    top = np.where(np.isnan(scores), -np.inf, scores).max(axis=0, initial=-np.inf)
    return np.where(top == -np.inf, np.nan, top)


def intervals(
    pairs: Pairs, subject: np.ndarray, alpha: float
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the intervals of all `METHODS` for the ratio, each scan's subject left out.

    absolute: scores |r - 1| (AR); scaled: |r - 1| / cv (LWR); cqr: beyond the ensemble's quantiles
    (CQR); jackknife_plus: corrected by the mean bias; joint: one threshold for a scan's largest
    |r - 1| / `structure_scale`, so that all of its structures are covered at once; naive: for
    comparison.

    Args:
        pairs: from `cohort`, made with the same alpha.
        subject: (scans,) labels.
        alpha: between 0 and 0.5, fraction that may be missed.

    Returns:
        method -> low, high (structures, scans), NaN where undefined.

    Raises:
        ValueError: if alpha is out of range.
    """
    check_alpha(alpha)
    ratio, cv, n_members = pairs.ratio, pairs.cv, pairs.n_members
    deviation = np.abs(ratio - 1.0)
    scale = structure_scale(cv)
    scores = normalised(deviation, scale)
    together = np.where(np.isnan(scores), np.nan, largest(scores))
    return {
        "naive": naive_intervals(ratio, cv, n_members, alpha),
        "absolute": split_intervals(deviation, np.ones((1, 1)), subject, alpha),
        "scaled": split_intervals(normalised(deviation, cv), cv, subject, alpha),
        "cqr": quantile_intervals(pairs, subject, alpha),
        "jackknife_plus": jackknife_intervals(ratio, subject, alpha),
        "joint": _joint_intervals(together, scale, subject, alpha),
    }


def _joint_intervals(
    together: np.ndarray, scale: np.ndarray, subject: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    q = left_out_thresholds(largest(together), subject, alpha)
    q = np.where(np.isfinite(q) & ~np.isnan(together), q, np.nan)
    return 1.0 - q * scale, 1.0 + q * scale
