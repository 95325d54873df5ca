"""Bounds that the value of a scan of a new subject stays below, and how often it does."""

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


def least_subjects(alpha: float) -> int:
    """Return the fewest calibrating subjects that give a finite interval, ceil(1 / alpha) - 1."""
    check_alpha(alpha)
    return math.ceil(1.0 / alpha - ROUNDING) - 1


def upper_quantile(values: np.ndarray, subject: np.ndarray, alpha: float) -> float:
    """Return the bound that the value of a scan of a new subject stays below at level 1 - alpha.

    With a scan a subject it is the ceil((n + 1)(1 - alpha))-th smallest value (Vovk, Gammerman and
    Shafer 2005, Algorithmic Learning in a Random World). Scans of one subject share its weight
    1 / (n_subjects + 1) (Lee, Barber and Willett 2023, arXiv:2306.06342): they are no independent
    evidence.

    Args:
        values: (n,), may be infinite.
        subject: (n,) labels.
        alpha: between 0 and 1.

    Returns:
        Infinity if there are too few subjects.
    """
    if not len(values):
        return math.inf
    _, number, counts = np.unique(subject, return_inverse=True, return_counts=True)
    order = np.argsort(values, kind="stable")
    weights = 1.0 / (counts[number[order]] * (len(counts) + 1.0))
    place = int(np.searchsorted(np.cumsum(weights), 1.0 - alpha - ROUNDING))
    return float(values[order[place]]) if place < len(values) else math.inf


def left_out_thresholds(scores: np.ndarray, subject: np.ndarray, alpha: float) -> np.ndarray:
    """Return for each scan the `upper_quantile` of the scores of all other subjects.

    Args:
        scores: (n,); NaN marks scans that calibrate nothing.
        subject: (n,) labels.
        alpha: between 0 and 1.

    Returns:
        (n,), infinite where too few subjects are left.
    """
    thresholds = np.empty(len(scores))
    known = ~np.isnan(scores)
    for left_out in np.unique(subject):
        rest = known & (subject != left_out)
        thresholds[subject == left_out] = upper_quantile(scores[rest], subject[rest], alpha)
    return thresholds


def coverage_distribution(n_subjects: int, alpha: float) -> Any:
    """Return the exact distribution of the coverage that one calibration reaches on new scans.

    Beta(n + 1 - l, l) with l = floor((n + 1) alpha), for continuous scores of n subjects of one
    scan (Vovk 2012, ACML, Conditional validity of inductive conformal predictors).

    Args:
        n_subjects: n, calibrating subjects.
        alpha: between 0 and 0.5.

    Returns:
        A frozen scipy distribution; None with fewer subjects than `least_subjects`.
    """
    check_alpha(alpha)
    rank = math.floor((n_subjects + 1) * alpha + ROUNDING)
    return beta(n_subjects + 1 - rank, rank) if rank > 0 else None


def coverage_band(
    n_subjects: int, n_new: int, alpha: float, level: float = 0.9
) -> tuple[float, float]:
    """Return the range of the coverage counted in `n_new` scans after one calibration.

    The count of covered scans is beta-binomial(n_new, n + 1 - l, l), see `coverage_distribution`.

    Args:
        n_subjects: n, calibrating subjects.
        n_new: scans judged.
        alpha: between 0 and 0.5.
        level: central probability of the range.

    Returns:
        low, high from 0 to 1; NaN with fewer subjects than `least_subjects`, or no scan.
    """
    exact = coverage_distribution(n_subjects, alpha)
    if exact is None or n_new < 1:
        return math.nan, math.nan
    tail = (1.0 - level) / 2.0
    low, high = betabinom(n_new, *exact.args).ppf([tail, 1.0 - tail]) / n_new
    return float(low), float(high)
