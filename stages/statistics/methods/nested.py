"""Variance components of members that are nested within scans: samples of a posterior.

Sample 3 of one scan has nothing to do with sample 3 of another, so that there is no variance
between members: ln V = mean + scan + sample within the scan. Estimates are those of the one-way
analysis of variance with unequal numbers (Searle, Casella and McCulloch 1992, Variance Components,
section 3.6).
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import chi2
from scipy.stats import f as fisher


class OneWay(NamedTuple):
    """Sums of squares of a table of scans and their samples."""

    between: float
    free_between: int
    within: float
    free_within: int
    size: float
    """Samples a scan, n0 of unequal numbers."""
    n_scans: int
    n_samples: int
    """Of the scan with the most."""

    @property
    def defined(self) -> bool:
        """Return whether both components have a degree of freedom."""
        return min(self.free_between, self.free_within) >= 1


def one_way(values: np.ndarray) -> OneWay:
    """Return the sums of squares between and within scans.

    Args:
        values: (n_scans, n_members), NaN where a scan has fewer samples; their order is of no
            meaning.
    """
    known = np.isfinite(values)
    counts = known.sum(axis=1)
    there = counts > 0
    filled, counts = np.where(known, values, 0.0)[there], counts[there]
    known = known[there]
    total = int(counts.sum())
    if not total:
        return OneWay(0.0, 0, 0.0, 0, 0.0, 0, 0)
    means = filled.sum(axis=1) / counts
    grand = filled.sum() / total
    within = float(np.sum(np.where(known, filled - means[:, None], 0.0) ** 2))
    between = float(np.sum(counts * (means - grand) ** 2))
    n_scans = len(counts)
    size = (total - float(np.sum(counts**2)) / total) / max(n_scans - 1, 1)
    free = n_scans - 1, total - n_scans
    return OneWay(between, free[0], within, free[1], size, n_scans, int(counts.max()))


def components(table: OneWay) -> dict[str, float]:
    """Return the variances `subject` (between scans), `member`, which is 0, and `residual`.

    NaN where they have no degree of freedom; the first is not negative.
    """
    nothing = {"subject": float("nan"), "member": 0.0, "residual": float("nan")}
    if not table.defined:
        return nothing
    residual = table.within / table.free_within
    subject = (table.between / table.free_between - residual) / table.size
    return nothing | {"subject": max(subject, 0.0), "residual": residual}


def component_draws(table: OneWay, uniforms: np.ndarray) -> dict[str, np.ndarray]:
    """Return draws of the components, generalised intervals (exact for equal numbers).

    Args:
        table: with both components defined.
        uniforms: (n_draws, at least 3), from `pivots.uniform_draws`: the first column is of scans,
            the third of the residual.
    """
    residual = table.within / chi2.ppf(uniforms[:, 2], table.free_within)
    square = table.between / chi2.ppf(uniforms[:, 0], table.free_between)
    subject = np.maximum((square - residual) / table.size, 0.0)
    return {"subject": subject, "member": np.zeros(len(uniforms)), "residual": residual}


def within_interval(table: OneWay, level: float) -> tuple[float, float]:
    """Return the ends of the exact interval of the variance within scans."""
    tails = (1.0 + level) / 2.0, (1.0 - level) / 2.0
    low, high = (table.within / chi2.ppf(tail, table.free_within) for tail in tails)
    return float(low), float(high)


def icc(table: OneWay, level: float) -> dict[str, float]:
    """Return the ICC(1) of one sample, with the ends of its interval, exact for equal numbers."""
    ratio = (table.between / table.free_between) / (table.within / table.free_within)
    tails = (1.0 + level) / 2.0, (1.0 - level) / 2.0
    ends = [ratio / fisher.ppf(tail, table.free_between, table.free_within) for tail in tails]
    value, low, high = (max((f - 1.0) / (f + table.size - 1.0), 0.0) for f in (ratio, *ends))
    return {"value": float(value), "low": float(low), "high": float(high)}


def summary(tables: list[OneWay], level: float) -> dict[str, Any]:
    """Return medians over structures, in percent: CV within scans with its interval, ICC.

    Intervals of medians are as wide as if all structures were off together.

    Args:
        tables: of ln V, a structure each, all defined.
        level: of the intervals.
    """
    rows = []
    for table in tables:
        found = [components(table)["residual"], *within_interval(table, level)]
        rows.append([100.0 * np.sqrt(value) for value in found])
    cv = np.median(np.array(rows), axis=0)
    ratios = [icc(table, level) for table in tables]
    middle = {end: float(np.median([each[end] for each in ratios])) for end in ratios[0]}
    within = dict(zip(("value", "low", "high"), cv.tolist(), strict=True))
    return {"cv_percent": {"within": within}, "icc": middle}
