"""Which of two ensembles varies less, and how sure that is."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.bootstrap import cluster_draws, interval


class Ratio(NamedTuple):
    """Ratio of two median coefficients of variation, and its interval over subjects."""

    value: float
    low: float
    high: float


def median_ratio(
    cv: pd.DataFrame,
    pair: tuple[str, str],
    subject_of: Mapping[str, str],
    level: float,
    rng: np.random.Generator,
    n_draws: int = 1000,
) -> Ratio:
    """Return median(CV of the second) / median(CV of the first), over structures and scans.

    The interval draws subjects, the same for both groups, and nothing else: that other members
    would vary otherwise is not in it.

    Args:
        cv: columns group, structure, subject, cv.
        pair: two groups.
        subject_of: scan -> subject.
        level: coverage of the interval.
        rng: source of the draws.
        n_draws: bootstrap draws.

    Returns:
        The ratio and its limits; NaN where undefined.
    """
    tables = [cv[cv["group"] == group] for group in pair]
    structures = list(dict.fromkeys(cv["structure"]))
    subjects = [name for name in subject_of if all((t["subject"] == name).any() for t in tables)]
    pairs = [pair_matrix(t, "cv", structures, subjects) for t in tables]
    clusters = np.array([subject_of[name] for name in subjects])
    ratios = [
        _ratio(pairs, np.repeat(np.arange(len(subjects)), weights))
        for weights in cluster_draws(clusters, n_draws, rng)
    ]
    low, high, _ = interval(np.array(ratios), level, len(set(clusters)))
    return Ratio(_ratio(pairs, np.arange(len(subjects))), low, high)


def _ratio(pairs: list[np.ndarray], drawn: np.ndarray) -> float:
    first, second = (part[:, drawn] for part in pairs)
    known = [part[np.isfinite(part)] for part in (first, second)]
    if not all(len(part) for part in known) or not np.median(known[0]) > 0:
        return float("nan")
    return float(np.median(known[1]) / np.median(known[0]))
