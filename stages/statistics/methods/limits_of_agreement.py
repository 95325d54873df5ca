"""Bland-Altman limits of agreement of a method that several members of an ensemble stand for."""

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2, norm
from scipy.stats import t as student

from stages.statistics.methods.bootstrap import LEAST_CLUSTERS
from stages.statistics.methods.nested import OneWay, components, one_way
from stages.statistics.methods.nested import component_draws as nested_draws
from stages.statistics.methods.pivots import (
    Strata,
    component_draws,
    excess_kurtosis,
    strata,
)
from stages.statistics.methods.variance_components import PARTS, estimate

REACH = float(norm.ppf(0.975))
"""Standard deviations from the bias to either limit: 95 % of the differences lie between them."""


class Bias(NamedTuple):
    """Mean difference, its standard error and the degrees of freedom of that."""

    value: float
    standard_error: float
    free: float

    def interval(self, level: float) -> tuple[float, float]:
        """Return Student's interval."""
        reach = student.ppf((1.0 + level) / 2.0, self.free) * self.standard_error
        return float(self.value - reach), float(self.value + reach)

    def equivalence_p(self, margin: float) -> float:
        """Return p of two one-sided t-tests that the mean lies within +-margin.

        Schuirmann 1987, doi:10.1007/BF01068419: the larger one of both.
        """
        if not self.standard_error > 0:
            return float("nan")
        above = student.sf((self.value + margin) / self.standard_error, self.free)
        below = student.cdf((self.value - margin) / self.standard_error, self.free)
        return float(max(above, below))


class Limits(NamedTuple):
    """Bias, limits of agreement and their intervals, in the unit of the differences."""

    bias: Bias
    sd: float
    """Of the difference of a new member on a new scan."""
    lower: float
    lower_interval: tuple[float, float]
    upper: float
    upper_interval: tuple[float, float]


class _Table(NamedTuple):
    """Differences of one structure, and how much each subject and member counts in their mean."""

    values: np.ndarray
    strata: Strata
    by_subject: float
    by_member: float
    n_subjects: int
    n_members: int
    n_pairs: int
    within: OneWay | None
    """Of members that are nested within scans."""

    @property
    def defined(self) -> bool:
        """Return whether scans, members and rest can be separated."""
        if self.n_members == 1:
            return True
        return self.within.defined if self.within else self.strata.defined


def limits_of_agreement(
    differences: np.ndarray,
    subject: np.ndarray,
    uniforms: np.ndarray,
    level: float,
    *,
    nested: bool = False,
) -> Limits | None:
    """Return bias and limits of agreement, scans and members both random.

    The variance of a difference is the sum of the components between scans, between members (the
    same on every scan) and the rest: limits for methods that are repeated (Bland and Altman 2007,
    doi:10.1080/10543400701329422), for repeats that are members met again on each scan. The limits'
    intervals are generalised ones, exact with a single member; that of the bias is Student's with
    Satterthwaite's degrees of freedom. Scans of one subject count as one in both.

    Args:
        differences: (n_scans, n_members), NaN where undefined.
        subject: (n_scans,) the subject of each scan.
        uniforms: from `uniform_draws`.
        level: coverage of the intervals, between 0 and 1.
        nested: members are samples of their scan, the same in no two: no variance between them.

    Returns:
        None with fewer than three subjects, or where scans, members and rest cannot be separated.
    """
    table = _table(differences, subject, nested=nested)
    if table.n_subjects < LEAST_CLUSTERS or not table.defined:
        return None
    parts, drawn = _components(table, uniforms)
    bias = _bias(table, parts)
    sd = float(np.sqrt(sum(parts.values())))
    # the mean is as uncertain as the drawn components say
    variance = _mean_variance(table, drawn)
    centre = bias.value + norm.ppf(uniforms[:, 4]) * np.sqrt(variance)
    spread = REACH * np.sqrt(drawn["subject"] + drawn["member"] + drawn["residual"])
    tails = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    lower, upper = (np.quantile(centre + sign * spread, tails).tolist() for sign in (-1.0, 1.0))
    ends = bias.value - REACH * sd, bias.value + REACH * sd
    return Limits(bias, sd, ends[0], tuple(lower), ends[1], tuple(upper))


def _table(differences: np.ndarray, subject: np.ndarray, *, nested: bool) -> _Table:
    known = np.isfinite(differences)
    values = differences[known.any(axis=1)][:, known.any(axis=0)]
    subject, known = subject[known.any(axis=1)], np.isfinite(values)
    n_pairs = int(known.sum())
    names, number = np.unique(subject, return_inverse=True)
    each = np.bincount(number, weights=known.sum(axis=1), minlength=len(names))
    shares = [float(np.sum((n / max(n_pairs, 1)) ** 2)) for n in (each, known.sum(axis=0))]
    sizes = shares[0], shares[1], len(names), values.shape[1], n_pairs
    return _Table(values, strata(values), *sizes, one_way(values) if nested else None)


def _components(
    table: _Table, uniforms: np.ndarray
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Return the components, and draws of them; one member's are all between scans."""
    if table.n_members > 1 and table.within:
        return components(table.within), nested_draws(table.within, uniforms)
    if table.n_members > 1:
        kurtosis = excess_kurtosis([table.strata])
        drawn = component_draws(table.strata, uniforms, kurtosis, table.n_subjects)
        return estimate(table.values), drawn
    variance, free = float(table.values.var(ddof=1)), table.n_subjects - 1
    nothing = dict.fromkeys(PARTS, 0.0)
    none = dict.fromkeys(PARTS, np.zeros(len(uniforms)))
    drawn = {"subject": variance * free / chi2.ppf(uniforms[:, 0], free)}
    return nothing | {"subject": variance}, none | drawn


def _mean_variance[V: (float, np.ndarray)](table: _Table, parts: dict[str, V]) -> V:
    of_subjects = table.by_subject * parts["subject"]
    return of_subjects + table.by_member * parts["member"] + parts["residual"] / table.n_pairs


def _bias(table: _Table, parts: dict[str, float]) -> Bias:
    rest = parts["residual"] / table.n_pairs
    squares = table.by_subject * parts["subject"] + rest, table.by_member * parts["member"] + rest
    frees = table.n_subjects - 1, 0 if table.within else table.n_members - 1
    uncertainty = sum(v**2 / f for v, f in zip(squares, frees, strict=True) if f > 0)
    if table.n_members > 1 and not table.within:
        uncertainty += rest**2 / table.strata.free
    variance = _mean_variance(table, parts)
    free = variance**2 / uncertainty if uncertainty > 0 else float(table.n_subjects - 1)
    return Bias(float(np.nanmean(table.values)), float(np.sqrt(variance)), float(free))
