"""Rank correlation over the images of a scan, pooled over scans, with interval and tests.

The images of a scan by the members of one ensemble are ranked among themselves, so that neither a
scan nor an ensemble that is worse in everything adds to the relation. Members are the same on all
scans and scans of one subject depend on each other: images are no independent units. The tests
therefore move whole members, or whole subjects.
"""

from dataclasses import dataclass

import numpy as np

from stages.statistics.methods.bootstrap import Interval
from stages.statistics.methods.correlation import LEAST_SCANS
from stages.statistics.methods.jackknife import left_out_interval
from stages.statistics.methods.member_ranks import NO_VARIABILITY, ranks_within

ALMOST_ONE = 1.0 - 1e-6  # ranks of few members agree perfectly, which has no finite z


@dataclass(frozen=True)
class ScanRanks:
    """Ranks of two variables among the images of a scan by one ensemble; 0 where undefined."""

    first: np.ndarray
    """(n_scans, n_members), -0.5 to 0.5, mean 0 in each scan and ensemble."""

    second: np.ndarray
    """(n_scans, n_members)."""

    known: np.ndarray
    """(n_scans, n_members) bool: the ensemble has both variables of all its images of the scan."""

    def without_scans(self, left_out: np.ndarray) -> "ScanRanks":
        """Return the ranks of the other scans; left_out: (n_scans,) bool."""
        kept = ~left_out
        return ScanRanks(self.first[kept], self.second[kept], self.known[kept])


def scan_ranks(first: np.ndarray, second: np.ndarray, groups: np.ndarray) -> ScanRanks:
    """Return the ranks within each scan and ensemble.

    Args:
        first: (n_scans, n_members), NaN where undefined.
        second: (n_scans, n_members).
        groups: (n_members,) ensembles.
    """
    x, y = (ranks_within(values, groups) for values in (first, second))
    known = np.isfinite(x) & np.isfinite(y)
    return ScanRanks(np.where(known, x, 0.0), np.where(known, y, 0.0), known)


def pooled(ranks: ScanRanks) -> float:
    """Return Pearson's r of the ranks of all images, NaN for fewer than three or constant ranks."""
    if np.count_nonzero(ranks.known) < LEAST_SCANS:
        return float("nan")
    scale = np.sqrt(np.sum(ranks.first**2) * np.sum(ranks.second**2))
    r = np.sum(ranks.first * ranks.second) / (scale if scale > NO_VARIABILITY else np.nan)
    return float(np.clip(r, -1.0, 1.0))


def pooled_interval(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray, subject: np.ndarray, level: float
) -> Interval:
    """Return the interval of `pooled`: each subject and each member left out, on Fisher's scale.

    Args:
        first: (n_scans, n_members).
        second: (n_scans, n_members).
        groups: (n_members,) ensembles.
        subject: (n_scans,) the subject of each scan.
        level: coverage, between 0 and 1.

    Returns:
        NaN with fewer than three subjects or an undefined value, as `jackknife.left_out_interval`.
    """
    whole = scan_ranks(first, second, groups)
    subjects = [_fisher(whole.without_scans(subject == name)) for name in dict.fromkeys(subject)]
    without = [np.array(subjects)]
    for group in dict.fromkeys(groups):
        own = np.flatnonzero(groups == group)
        if len(own) > 1:
            kept = [np.delete(np.arange(len(groups)), member) for member in own]
            ranks = [scan_ranks(first[:, k], second[:, k], groups[k]) for k in kept]
            without.append(np.array([_fisher(each) for each in ranks]))
    found = left_out_interval(_fisher(whole), without, level)
    return found._replace(low=float(np.tanh(found.low)), high=float(np.tanh(found.high)))


def _fisher(ranks: ScanRanks) -> float:
    return float(np.arctanh(np.clip(pooled(ranks), -ALMOST_ONE, ALMOST_ONE)))


def member_orders(groups: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return random orders of the members, exchanged within ensembles, (n_draws, n_members).

    Args:
        groups: (n_members,) ensembles.
        n_draws: number of orders; repetitions are possible.
        rng: source of the draws.
    """
    order = np.tile(np.arange(len(groups)), (n_draws, 1))
    for group in dict.fromkeys(groups):
        own = np.flatnonzero(groups == group)
        order[:, own] = rng.permuted(np.tile(own, (n_draws, 1)), axis=1)
    return order


def member_null(ranks: ScanRanks, order: np.ndarray) -> np.ndarray:
    """Return `pooled` after members change places on all scans alike, (n_draws,).

    Args:
        ranks: from `scan_ranks`.
        order: (n_draws, n_members), from `member_orders`.
    """
    together = ranks.first.T @ ranks.second
    sums = together[np.arange(together.shape[0]), order].sum(axis=1)
    scale = np.sqrt(np.sum(ranks.first**2) * np.sum(ranks.second**2))
    return np.asarray(sums / (scale if scale > NO_VARIABILITY else np.nan))


def subject_null(ranks: ScanRanks, order: np.ndarray) -> np.ndarray:
    """Return `pooled` with the first variable from other scans of the same members, (n_orders,).

    Args:
        ranks: from `scan_ranks`.
        order: (n_orders, n_scans): from which scan the first variable comes.
    """
    n_scans = len(ranks.first)
    known = ranks.known.astype(np.float64)
    sums = (
        np.einsum("sm,tm->st", first, second)
        for first, second in (
            (ranks.first, ranks.second),
            (ranks.first**2, known),
            (known, ranks.second**2),
        )
    )
    xy, xx, yy = (each[order, np.arange(n_scans)].sum(axis=1) for each in sums)
    scale = np.sqrt(xx * yy)
    return np.asarray(xy / np.where(scale > NO_VARIABILITY, scale, np.nan))
