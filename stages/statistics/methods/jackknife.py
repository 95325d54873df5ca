"""Jackknife over subjects and over members: intervals of what both would change."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import t as student

from stages.statistics.methods.bootstrap import LEAST_CLUSTERS, Interval


def jackknife_interval(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    subject: np.ndarray,
    n_members: int,
    level: float,
) -> Interval:
    """Return the t interval of a statistic whose subjects and members are both a sample.

    The variance is the sum of two: each subject left out with all its scans, and each member left
    out (Efron and Stein 1981, doi:10.1214/aos/1176345462: it errs upwards); their degrees of
    freedom are Satterthwaite's. A single member is the method itself, and only subjects are left
    out. The statistic should be one whose distribution is about normal.

    Args:
        statistic: of the kept scans and the kept members, two masks.
        subject: (n_scans,) the subject of each scan.
        n_members: members of the group.
        level: coverage, between 0 and 1.

    Returns:
        Limits, NaN with fewer than three subjects or an undefined value, and the number of values
        with one left out.
    """
    scans, members = np.ones(len(subject), dtype=bool), np.ones(n_members, dtype=bool)
    names = np.unique(subject)
    if len(names) < LEAST_CLUSTERS:
        return Interval(float("nan"), float("nan"), 0)
    without = [np.array([statistic(subject != name, members) for name in names])]
    if n_members > 1:
        kept = ~np.eye(n_members, dtype=bool)
        without.append(np.array([statistic(scans, each) for each in kept]))
    return left_out_interval(statistic(scans, members), without, level)


def left_out_interval(value: float, without: Sequence[np.ndarray], level: float) -> Interval:
    """Return the t interval of a statistic from its values with one unit left out at a time.

    Kinds of units are independent samples: their variances add up, and the degrees of freedom are
    Satterthwaite's.

    Args:
        value: of everything.
        without: for each kind of unit the values with one left out, (n_units,); the first are
            subjects.
        level: coverage, between 0 and 1.

    Returns:
        Limits, NaN with fewer than three subjects or an undefined value, and the number of values
        with one left out.
    """
    everything = np.concatenate(list(without))
    if len(without[0]) < LEAST_CLUSTERS or not np.isfinite([value, *everything]).all():
        return Interval(float("nan"), float("nan"), len(everything))
    variances = np.array([_variance(each) for each in without])
    total = float(variances.sum())
    if not total > 0:
        return Interval(value, value, len(everything))
    free = total**2 / float(
        sum(v**2 / (len(e) - 1) for v, e in zip(variances, without, strict=True))
    )
    reach = float(student.ppf((1.0 + level) / 2.0, free)) * np.sqrt(total)
    return Interval(value - reach, value + reach, len(everything))


def _variance(without: np.ndarray) -> float:
    n = len(without)
    return float((n - 1) / n * np.sum((without - without.mean()) ** 2))
