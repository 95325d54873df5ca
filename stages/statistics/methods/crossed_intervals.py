"""Intervals of what other subjects and other members would change, both being samples.

The members of an ensemble are the same on every scan, so that subjects and members are crossed.
With V_s the variance that a bootstrap of subjects gives, V_m the jackknife's over members (Efron
and Stein 1981, doi:10.1214/aos/1176345462) and V_e the part of V_m that is due to few subjects,

    Var = V_s + max(V_m - V_e, 0),

V_s holds V_e already: for a mean over a table these are the estimates of the analysis of variance.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from stages.statistics.methods.bootstrap import LEAST_CLUSTERS, Interval

MOST_RATIO = 3.0  # of variances of a median and a mean; that of normal variables is 1.57

Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Of weights (n_draws, n_scans) and a mask of members (n_members,): (n_draws, ...)."""


class MemberPart(NamedTuple):
    """What the members of one ensemble add to the variance of a statistic."""

    variance: np.ndarray
    """(...), V_m - V_e, not negative."""

    free: int
    """Degrees of freedom, members less one."""


class Crossed(NamedTuple):
    """A statistic, and its values in draws of subjects and without each member."""

    value: np.ndarray
    """(...)."""

    draws: np.ndarray
    """(n_draws, ...), of subjects."""

    n_subjects: int

    members: tuple[MemberPart, ...]
    """Of each ensemble that the statistic rests on; none of a single member."""

    def single(self) -> "Crossed":
        """Return the first of several statistics."""
        parts = tuple(part._replace(variance=part.variance[0]) for part in self.members)
        return Crossed(self.value[0], self.draws[:, 0], self.n_subjects, parts)


def crossed(
    statistic: Statistic,
    weights: np.ndarray,
    n_subjects: int,
    n_members: int,
    ensembles: np.ndarray | None = None,
    *,
    nested: bool = False,
) -> Crossed:
    """Return a statistic with what its interval is made of.

    Args:
        statistic: see `Statistic`.
        weights: (n_draws, n_scans), from `bootstrap.cluster_draws`.
        n_subjects: that were drawn from.
        n_members: of all ensembles together.
        ensembles: (n_members,) the ensemble of each member; None for a single one.
        nested: members are samples of their scan, the same in no two. What other samples would
            change is then in the differences between subjects: members have no part of their own.
    """
    everyone = np.ones(n_members, dtype=bool)
    once = np.ones((1, weights.shape[1]), dtype=weights.dtype)
    every = np.concatenate([once, weights])
    whole = statistic(every, everyone)
    parts: list[MemberPart] = []
    labels = np.zeros(n_members) if ensembles is None else np.asarray(ensembles)
    for name in () if nested else dict.fromkeys(labels.tolist()):
        left_out = np.eye(n_members, dtype=bool)[labels == name]
        if len(left_out) > 1:
            without = np.stack([statistic(every, ~member) for member in left_out])
            parts.append(_member_part(without, n_subjects))
    return Crossed(whole[0], whole[1:], n_subjects, tuple(parts))


def _member_part(without: np.ndarray, n_subjects: int) -> MemberPart:
    """Return V_m - V_e of values without each member, (n_members, 1 + n_draws, ...)."""
    n_members = len(without)
    apart = without - without.mean(axis=0)
    scale = (n_members - 1.0) / n_members
    total = scale * np.sum(apart[:, 0] ** 2, axis=0)
    by_few = scale * np.sum(_variance(apart[:, 1:].swapaxes(0, 1), n_subjects), axis=0)
    return MemberPart(np.maximum(total - by_few, 0.0), n_members - 1)


def _variance(draws: np.ndarray, n_subjects: int) -> np.ndarray:
    """Return the variance over draws, less the (n - 1) / n of a bootstrap; NaN draws left out."""
    known = np.isfinite(draws)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, draws, 0.0).sum(axis=0) / count
    squares = np.where(known, (draws - mean) ** 2, 0.0).sum(axis=0) / count
    return np.where(known.any(axis=0), squares * n_subjects / max(n_subjects - 1.0, 1.0), np.nan)


def steadied(found: Crossed, by: Crossed, unit: float) -> Crossed:
    """Return a median with the members' part of a mean of the same pairs.

    A median rests on the few structures near it, and one member less moves it in leaps. Its
    members' part is that of the mean, times the ratio of what a bootstrap of subjects gives for
    both, which is kept between 1 and `MOST_RATIO`: few subjects do not know it.

    Args:
        found: the median.
        by: the mean.
        unit: how much the median changes where the mean changes by one.
    """
    first, second = (_variance(each.draws, each.n_subjects) for each in (found, by))
    scale = unit**2 * np.asarray(second)
    ratio = np.divide(first, scale, out=np.ones(np.shape(first)), where=scale > 0)
    factor = unit**2 * np.clip(ratio, 1.0, MOST_RATIO)
    parts = tuple(part._replace(variance=part.variance * factor) for part in by.members)
    return found._replace(members=parts)


def difference(first: Crossed, second: Crossed) -> Crossed:
    """Return the first less the second: subjects are the same, members are not."""
    return Crossed(
        first.value - second.value,
        first.draws - second.draws,
        first.n_subjects,
        first.members + second.members,
    )


def half_width(found: Crossed, level: float) -> np.ndarray:
    """Return how far the t interval reaches to both sides, (...).

    Degrees of freedom are Satterthwaite's of the sum. NaN with fewer than three subjects.

    Args:
        found: from `crossed` or `difference`.
        level: coverage, between 0 and 1.
    """
    variances, free = _parts(found)
    total = np.sum(variances, axis=0)
    known = total > 0
    scale = sum(v**2 / f for v, f in zip(variances, free, strict=True))
    degrees = np.divide(total**2, scale, out=np.ones(np.shape(total)), where=known)
    reach = student.ppf((1.0 + level) / 2.0, degrees) * np.sqrt(np.where(known, total, 0.0))
    return np.where(np.isfinite(total) & np.isfinite(found.value), reach, np.nan)


def joint_half_width(found: Crossed, level: float) -> np.ndarray:
    """Return how far intervals reach that hold together at a level, (n,).

    Each has the level 1 - (1 - level) / n (Bonferroni). So far out, degrees of freedom of a sum are
    too many where the part of few members comes out small; each part is taken with the quantile of
    its own, sqrt(sum_i t_i^2 V_i), which covers at least so often (Banerjee 1960, Sankhya 22). NaN
    with fewer than three subjects.

    Args:
        found: of n statistics.
        level: of all together, between 0 and 1.
    """
    variances, free = _parts(found)
    tail = (1.0 - level) / max(found.value.size, 1) / 2.0
    squares = [student.ppf(1.0 - tail, f) ** 2 * v for v, f in zip(variances, free, strict=True)]
    reach = np.sqrt(np.sum(squares, axis=0))
    return np.where(np.isfinite(reach) & np.isfinite(found.value), reach, np.nan)


def _parts(found: Crossed) -> tuple[list[np.ndarray], list[int]]:
    """Return the parts of the variance, NaN with fewer than three subjects, and their freedom."""
    few = found.n_subjects < LEAST_CLUSTERS or not len(found.draws)
    by_subject = np.full(np.shape(found.value), np.nan)
    if not few:
        by_subject = _variance(found.draws, found.n_subjects)
    variances = [by_subject, *(part.variance for part in found.members)]
    return variances, [max(found.n_subjects - 1, 1), *(part.free for part in found.members)]


def interval(found: Crossed, level: float) -> Interval:
    """Return the t interval of a single statistic, and its number of defined draws."""
    reach = float(half_width(found, level))
    value = float(found.value)
    return Interval(value - reach, value + reach, int(np.isfinite(found.draws).sum()))
