"""Intervals of variance components of a two-way table with gaps, from pivots.

The scores of a factor, adjusted for the other one, are independent normal variables of variance
s_e + size_i s (Wald 1947, doi:10.1214/aoms/1177730474; Seely and El-Bassiouni 1983,
doi:10.1214/aos/1176346067). Their sum of squares over these variances is chi-squared distributed:
solved for s, draws of chi-squared give draws of s (generalised intervals, Weerahandi 1993,
doi:10.1080/01621459.1993.10476355), and the ratio of s to s_e has an exact interval.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2, qmc
from scipy.stats import f as fisher

from stages.statistics.methods.reml import one_hot

DRAWS_LOG2 = 11
PIVOTS = 5  # subjects, members, residual, segmentation, mean
NEWTON_STEPS = 12
ROUNDING = 1e-9
ALMOST_ALL = 1.0 - 1e-9  # largest fraction that an interval reaches
NO_RESIDUAL = 1e-12  # of the sum of squares


class Stratum(NamedTuple):
    """Scores of one factor, adjusted for the other: variance residual + size x component."""

    squares: np.ndarray
    """Squared scores, (n_free,)."""

    sizes: np.ndarray
    """(n_free,); the number of pairs of a level where none is missing."""

    @property
    def free(self) -> int:
        """Return the degrees of freedom."""
        return len(self.sizes)


class Tails(NamedTuple):
    """Sums over the residuals r = Hy, from which the kurtosis of the errors follows."""

    fourth: float
    """sum r^4, in units of the squared sum of squares."""

    own: float
    """sum h_ii^2."""

    quartic: float
    """sum h_ij^4."""


class Strata(NamedTuple):
    """What a two-way table of pairs holds about its three components."""

    subject: Stratum
    member: Stratum
    residual: float
    """Sum of squares that neither factor explains."""

    free: int
    """Its degrees of freedom."""

    counts: tuple[int, int, int]
    """Subjects, members and pairs with a value."""

    tails: Tails

    @property
    def defined(self) -> bool:
        """Return whether every component has a degree of freedom."""
        return min(self.subject.free, self.member.free, self.free) >= 1


def strata(values: np.ndarray) -> Strata:
    """Return the strata of a two-way table.

    Args:
        values: (n_subjects, n_members), NaN where a pair is undefined.
    """
    row, column = np.nonzero(np.isfinite(values))
    y = np.asarray(values, dtype=np.float64)[row, column]
    y = y - y.mean() if len(y) else y
    by_subject, by_member = one_hot(row), one_hot(column)
    counts = (by_subject.shape[1], by_member.shape[1], len(y))
    subject, member = _adjusted(y, by_subject, by_member), _adjusted(y, by_member, by_subject)
    within = y - by_subject @ ((by_subject.T @ y) / np.maximum(by_subject.sum(axis=0), 1))
    residual = float(within @ within) - float(member.squares.sum())
    rounding = NO_RESIDUAL * float(y @ y)
    free = len(y) - counts[0] - member.free
    residual = residual if residual > rounding else 0.0
    tails = _tails(y, np.concatenate([by_subject, by_member], axis=1), residual)
    return Strata(subject, member, residual, free, counts, tails)


def _tails(y: np.ndarray, effects: np.ndarray, residual: float) -> Tails:
    basis, sizes, _ = np.linalg.svd(effects, full_matrices=False)
    basis = basis[:, sizes > ROUNDING * sizes.max(initial=0.0)]
    projection = np.eye(len(y)) - basis @ basis.T
    fourth = float(np.sum((projection @ y) ** 4)) / residual**2 if residual > 0 else float("nan")
    return Tails(fourth, float(np.sum(np.diag(projection) ** 2)), float(np.sum(projection**4)))


def excess_kurtosis(tables: Sequence[Strata]) -> float:
    """Return the excess kurtosis of errors that several tables have in common, at least 0.

    E[sum r^4] = k4 sum h_ij^4 + 3 s^4 sum h_ii^2 and E[(sum r^2)^2] = k4 sum h_ii^2 +
    s^4 (f^2 + 2 f), f the degrees of freedom, are solved for k4 and s^4 in each table, in units of
    its own sum of squares; the ratio of the sums over tables is the kurtosis. Where f is so small
    that sum r^4 follows from sum r^2 (f = 1, or 2 of three scans) a table says nothing of it.

    It is not above the largest that a sample of N values can have, N those of the largest table:
    all equal but one, N - 2 + 1 / (N - 1) less the 3 of normal ones (Cox 2010, Stata Journal 10,
    482). So `effective_freedom` never vanishes.

    Args:
        tables: from `strata`; those without a residual count nothing.
    """
    fourth = square = 0.0
    n_values = 0
    for table in tables:
        if not (table.free >= 1 and table.residual > 0):
            continue
        tails, weight = table.tails, float(table.free**2)
        normal = table.free**2 + 2.0 * table.free
        separate = tails.quartic * normal - 3.0 * tails.own**2
        if not separate > ROUNDING * tails.quartic * normal:
            continue
        fourth += weight * (tails.fourth * normal - 3.0 * tails.own) / separate
        square += weight * (tails.quartic - tails.own * tails.fourth) / separate
        n_values = max(n_values, table.counts[2])
    if not fourth > 0:
        return 0.0
    bound = max(0.0, n_values - 5.0 + 1.0 / (n_values - 1.0))
    return float(min(fourth / square, bound)) if square > 0 else bound


def effective_freedom(known: Strata, kurtosis: float) -> float:
    """Return the degrees of freedom of the residual mean square with errors of heavy tails.

    Its variance is s^4 (2 / f + kurtosis sum h_ii^2 / f^2), that of 2 s^4 / f' (Box 1953,
    doi:10.1093/biomet/40.3-4.318).

    Args:
        known: from `strata`.
        kurtosis: from `excess_kurtosis`.
    """
    return known.free / (1.0 + kurtosis * known.tails.own / (2.0 * known.free))


def _adjusted(y: np.ndarray, factor: np.ndarray, other: np.ndarray) -> Stratum:
    count = np.maximum(other.sum(axis=0), 1)[:, None]
    centred = factor - other @ ((other.T @ factor) / count)
    sizes, directions = np.linalg.eigh(centred.T @ centred)
    kept = sizes > ROUNDING * max(1.0, sizes.max(initial=0.0))
    scores = directions[:, kept].T @ (centred.T @ y)
    return Stratum(scores**2 / sizes[kept], sizes[kept])


def uniform_draws(rng: np.random.Generator) -> np.ndarray:
    """Return (n_draws, `PIVOTS`) evenly spread points of the unit cube, scrambled Sobol."""
    points = qmc.Sobol(PIVOTS, rng=rng).random_base2(DRAWS_LOG2)
    return np.clip(points, ROUNDING, 1.0 - ROUNDING)


def component_draws(
    known: Strata,
    uniforms: np.ndarray,
    kurtosis: float = 0.0,
    n_independent: int | None = None,
) -> dict[str, np.ndarray]:
    """Return draws of the three components, given the table.

    Args:
        known: from `strata`, defined.
        uniforms: from `uniform_draws`.
        kurtosis: of the errors, from `excess_kurtosis`.
        n_independent: independent subjects among the rows, where some are of one person; the
            component of the rows is then as uncertain as that of so few.

    Returns:
        subject, member, residual, (n_draws,) each, in squared units, none negative.
    """
    effective = effective_freedom(known, kurtosis)
    mean_square = known.residual / known.free
    residual = mean_square * effective / chi2.ppf(uniforms[:, 2], effective)
    rows = known.subject.free
    few = rows if n_independent is None else max(1, min(rows, n_independent - 1))
    reach = rows / few * chi2.ppf(uniforms[:, 0], few)
    return {
        "subject": _solved(known.subject, residual, reach),
        "member": _solved(
            known.member, residual, chi2.ppf(uniforms[:, 1], max(known.member.free, 1))
        ),
        "residual": residual,
    }


def _solved(stratum: Stratum, residual: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Return s >= 0 with sum_i squares_i / (residual + size_i s) = reach, (n_draws,).

    One over the sum is concave in s, so that Newton's steps never pass the solution.
    """
    found = np.zeros(len(residual))
    largest = stratum.squares.max(initial=0.0)
    if not largest > 0:
        return found
    residual = np.maximum(residual, NO_RESIDUAL * largest)
    for _ in range(NEWTON_STEPS):
        variance = residual[:, None] + stratum.sizes * found[:, None]
        total = (stratum.squares / variance).sum(axis=1)
        slope = (stratum.squares * stratum.sizes / variance**2).sum(axis=1)
        wanted = (total > reach) & (slope > 0)
        step = total * (total / reach - 1.0) / np.where(slope > 0, slope, 1.0)
        found = found + np.where(wanted, step, 0.0)
    return found


def member_fraction_interval(
    known: Strata, level: float, kurtosis: float = 0.0
) -> tuple[float, float]:
    """Return an interval of member / (member + residual), exact for normal effects.

    The F ratio of the members at a supposed ratio of the components is F distributed if that is
    the true one. Values are kept whose F lies between two quantiles that leave 1 - level outside:
    equal parts where members' offsets are large, all of it above where there is none, so that the
    coverage is `level` everywhere and the interval never empty (tail functions: Puza and O'Neill
    2006, doi:10.1002/cjs.5550340207; Feldman and Cousins 1998, doi:10.1103/PhysRevD.57.3873).

    Args:
        known: from `strata`, defined.
        level: coverage, between 0 and 1.
        kurtosis: of the errors, from `excess_kurtosis`.

    Returns:
        Ends, 0 to 1; both 1 if nothing but the members differs, NaN if nothing does.
    """
    if not known.residual > 0:
        end = 1.0 if known.member.squares.sum() > 0 else float("nan")
        return end, end
    typical = float(known.member.sizes.mean())
    mean_square, effective = known.residual / known.free, effective_freedom(known, kurtosis)

    def probability(ratio: float) -> float:
        explained = np.mean(known.member.squares / (1.0 + known.member.sizes * ratio))
        return float(fisher.cdf(explained / mean_square, known.member.free, effective))

    def beyond(fraction: float, lower: bool) -> float:
        ratio = fraction / (1.0 - fraction)
        below = (1.0 - level) * 0.5 * typical * ratio / (1.0 + typical * ratio)
        return probability(ratio) - (level + below if lower else below)

    return _root(beyond, True), _root(beyond, False)


def _root(beyond: Callable[[float, bool], float], lower: bool) -> float:
    if beyond(0.0, lower) <= 0:
        return 0.0
    if beyond(ALMOST_ALL, lower) >= 0:
        return 1.0
    return float(brentq(beyond, 0.0, ALMOST_ALL, args=(lower,), xtol=1e-10))
