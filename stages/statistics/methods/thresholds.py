"""Bounds that the value of a scan of a new exam stays below, and how often it does."""

import math
from typing import Any

import numpy as np
from scipy.stats import beta, betabinom

# sums of 1 / n miss the level that they stand for by rounding, and bounds the value they are at
ROUNDING = 1e-9


def check_alpha(alpha: float) -> None:
    """Raise `ValueError` unless 0 < alpha < 0.5, the fraction that intervals may miss."""
    if not 0 < alpha < 0.5:
        raise ValueError(f"expected alpha between 0 and 0.5 (0.1 for 90 % intervals), got {alpha}")


def least_exams(alpha: float) -> int:
    """Return the fewest calibrating exams that give a finite interval, ceil(1 / alpha) - 1."""
    check_alpha(alpha)
    return math.ceil(1.0 / alpha - ROUNDING) - 1


def upper_quantile(values: np.ndarray, exam: np.ndarray, alpha: float) -> float:
    """Return the bound that the value of a scan of a new exam stays below at level 1 - alpha.

    With a scan an exam it is the ceil((n + 1)(1 - alpha))-th smallest value (Vovk, Gammerman and
    Shafer 2005, Algorithmic Learning in a Random World). Scans of one exam share its weight
    1 / (n_exams + 1) (Lee, Barber and Willett 2023, arXiv:2306.06342): they are no independent
    evidence.

    Args:
        values: (n,), may be infinite.
        exam: (n,) labels.
        alpha: between 0 and 1.

    Returns:
        Infinity if there are too few exams.
    """
    if not len(values):
        return math.inf
    _, number, counts = np.unique(exam, return_inverse=True, return_counts=True)
    order = np.argsort(values, kind="stable")
    weights = 1.0 / (counts[number[order]] * (len(counts) + 1.0))
    place = int(np.searchsorted(np.cumsum(weights), 1.0 - alpha - ROUNDING))
    return float(values[order[place]]) if place < len(values) else math.inf


def left_out_thresholds(scores: np.ndarray, exam: np.ndarray, alpha: float) -> np.ndarray:
    """Return for each scan the `upper_quantile` of the scores of all other exams.

    Args:
        scores: (n,); NaN marks scans that calibrate nothing.
        exam: (n,) labels.
        alpha: between 0 and 1.

    Returns:
        (n,), infinite where too few exams are left.
    """
    thresholds = np.empty(len(scores))
    known = ~np.isnan(scores)
    for left_out in np.unique(exam):
        rest = known & (exam != left_out)
        thresholds[exam == left_out] = upper_quantile(scores[rest], exam[rest], alpha)
    return thresholds


def coverage_distribution(n_exams: int, alpha: float) -> Any:
    """Return the exact distribution of the coverage that one calibration reaches on new scans.

    Beta(n + 1 - l, l) with l = floor((n + 1) alpha), for continuous scores of n exams of one scan
    (Vovk 2012, ACML, Conditional validity of inductive conformal predictors).

    Args:
        n_exams: n, calibrating exams.
        alpha: between 0 and 0.5.

    Returns:
        A frozen scipy distribution; None with fewer exams than `least_exams`.
    """
    check_alpha(alpha)
    rank = math.floor((n_exams + 1) * alpha + ROUNDING)
    return beta(n_exams + 1 - rank, rank) if rank > 0 else None


def coverage_band(
    n_exams: int, n_new: int, alpha: float, level: float = 0.9
) -> tuple[float, float]:
    """Return the range of the coverage counted in `n_new` scans after one calibration.

    The count of covered scans is beta-binomial(n_new, n + 1 - l, l), see `coverage_distribution`.

    Args:
        n_exams: n, calibrating exams.
        n_new: scans judged.
        alpha: between 0 and 0.5.
        level: central probability of the range.

    Returns:
        low, high from 0 to 1; NaN with fewer exams than `least_exams`, or no scan.
    """
    exact = coverage_distribution(n_exams, alpha)
    if exact is None or n_new < 1:
        return math.nan, math.nan
    tail = (1.0 - level) / 2.0
    low, high = betabinom(n_new, *exact.args).ppf([tail, 1.0 - tail]) / n_new
    return float(low), float(high)
