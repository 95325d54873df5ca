"""Bootstrap of whole subjects: how far a statistic would move with another cohort.

A draw is kept as integer weights of the scans, so that a statistic of all draws is a few matrix
products. Few subjects have few different draws: a statistic is computed once for each
(`for_distinct`). Tables are matrices (n_structures, n_subjects) with NaN where a pair is absent.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

LEAST_CLUSTERS = 3


class Interval(NamedTuple):
    """Limits of a percentile interval, and the number of draws it was read from."""

    low: float
    high: float
    n_defined: int


def cluster_draws(clusters: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each row comes when as many clusters as there are are drawn anew.

    Clusters are drawn with replacement.

    Rows of a cluster always come together (cluster bootstrap: Davison and Hinkley 1997, Bootstrap
    Methods and their Application, section 3.8).

    Args:
        clusters: (n,) labels: the subject of each scan.
        n_draws: bootstrap draws.
        rng: source of the draws.

    Returns:
        (n_draws, n) integer weights; no draws of fewer than three clusters: their draws are the
        table itself or one cluster, and an interval would have no width.
    """
    labels, number = np.unique(np.asarray(clusters), return_inverse=True)
    n = len(labels)
    if n < LEAST_CLUSTERS:
        return np.zeros((0, len(number)), dtype=np.int64)
    return rng.multinomial(n, np.full(n, 1.0 / n), size=n_draws)[:, number]


def for_distinct(
    rows: np.ndarray, statistics: Callable[[np.ndarray], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Return statistics of every row, computed once where rows repeat.

    Four subjects have 35 different draws and 24 orders, however many are taken.

    Args:
        rows: (n_rows, n), draws as weights or orders of the scans.
        statistics: from (n_different, n) to arrays (n_different, ...) by name.

    Returns:
        Arrays (n_rows, ...).
    """
    different, place = np.unique(rows, axis=0, return_inverse=True)
    if len(different) == len(rows):
        return statistics(rows)
    return {name: values[place] for name, values in statistics(different).items()}


@cache
def expanded_level(level: float, n_clusters: int) -> float:
    """Return the level at which a percentile interval of few clusters covers as often as `level`.

    2 Phi(sqrt(n / (n - 1)) t_(n-1)((1 + level) / 2)) - 1: the spread of bootstrap means is that of
    the divisor n, and their tails are normal where Student's are due (Hesterberg 2015, What
    teachers should know about the bootstrap, doi:10.1080/00031305.2015.1089789, section 4.6.2).

    Args:
        level: wanted coverage, between 0 and 1.
        n_clusters: independent units that are drawn, at least 2.
    """
    reach = student.ppf((1.0 + level) / 2.0, n_clusters - 1) * np.sqrt(
        n_clusters / (n_clusters - 1)
    )
    return float(2.0 * norm.cdf(reach) - 1.0)


def interval(values: np.ndarray, level: float, n_clusters: int) -> Interval:
    """Return the percentile interval of the draws at the `expanded_level`.

    Undefined draws (too few different scans in them) are left out: the interval is conditional on
    a defined statistic (Davison and Hinkley 1997, section 5.3).

    Args:
        values: (n_draws,), NaN where undefined.
        level: coverage, between 0 and 1.
        n_clusters: subjects that were drawn from.

    Returns:
        Limits, NaN if no draw is defined or three clusters are not there, and the number of defined
        draws.

    Raises:
        ValueError: if the level is not between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"expected a level between 0 and 1, got {level}; 0.95 is usual")
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values) or n_clusters < LEAST_CLUSTERS:
        return Interval(float("nan"), float("nan"), len(values))
    wide = expanded_level(level, n_clusters)
    low, high = np.quantile(values, [(1.0 - wide) / 2.0, (1.0 + wide) / 2.0])
    return Interval(float(low), float(high), len(values))
