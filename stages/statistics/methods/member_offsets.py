"""How much of the members' variance is an offset that a member has on every scan.

Pooled over structures, whose standard deviations differ by an order of magnitude: ln V of each is
taken in units of its own. With z of structure k, scan s and member m,

    z_ksm = mu_ks + b_m + c_km + d_sm + e_ksm,

b is a member's offset common to all structures, c its offset on one structure, the same on every
scan, d its offset on one scan, common to all structures, e the rest.
"""

from typing import NamedTuple

import numpy as np

from stages.statistics.methods.jackknife import jackknife_interval
from stages.statistics.methods.reml import fit, one_hot, products

PARTS = ("member", "member_structure", "subject_member", "residual")


class Offset(NamedTuple):
    """Fraction of the members' variance that is their offset, and its interval; 0 to 1."""

    value: float
    low: float
    high: float


class _Squares(NamedTuple):
    member: float
    residual: float
    size: float


def pooled_fractions(values: np.ndarray) -> dict[str, float]:
    """Return the fraction of the members' variance of each of `PARTS`, by restricted likelihood.

    Args:
        values: (n_structures, n_subjects, n_members), ln V; NaN where a pair is undefined.

    Returns:
        Fractions that sum to 1; NaN where no member differs from another, or one structure alone
        cannot say what structures have in common.
    """
    scaled = _scaled(values)
    k, s, m = np.nonzero(np.isfinite(scaled))
    if len(np.unique(k)) < 2:
        return dict.fromkeys(PARTS, float("nan"))
    n_subjects, n_members = values.shape[1:]
    factors = [m, k * n_members + m, s * n_members + m]
    found = fit(products(scaled[k, s, m], factors, k * n_subjects + s))
    total = found.sum()
    fractions = found / total if total > 0 else np.full(len(PARTS), np.nan)
    return dict(zip(PARTS, fractions.tolist(), strict=True))


def offset_fraction(values: np.ndarray, subject: np.ndarray, level: float) -> Offset:
    """Return the fraction of the members' variance that is offset, with an interval.

    Mean squares of members and residual of each structure, in units of its variance between
    members; their estimates are free of bias and may be negative. The interval is the jackknife's
    over subjects and members, on Fisher's scale of an intraclass correlation, so that structures
    may depend on each other in any way.

    Args:
        values: (n_structures, n_subjects, n_members), ln V; NaN where a pair is undefined.
        subject: (n_subjects,) labels: the subject of each scan.
        level: coverage, between 0 and 1.

    Returns:
        NaN where undefined.
    """

    def pooled(scans: np.ndarray, members: np.ndarray) -> float:
        fraction, size = _fraction(values[:, scans][:, :, members])
        ends = 1.0 + (size - 1.0) * fraction, 1.0 - fraction
        return 0.5 * float(np.log(ends[0] / ends[1])) if min(ends) > 0 else float("nan")

    fraction, size = _fraction(values)
    found = jackknife_interval(pooled, subject, values.shape[2], level)
    low, high = (_from_fisher(end, size) for end in (found.low, found.high))
    return Offset(*np.clip([fraction, low, high], 0.0, 1.0).tolist())


def _from_fisher(z: float, size: float) -> float:
    ratio = np.exp(2.0 * z)
    return float((ratio - 1.0) / (ratio + size - 1.0))


def _fraction(values: np.ndarray) -> tuple[float, float]:
    """Return the fraction, and the typical number of scans behind a member's offset."""
    found = [each for each in map(_squares, values) if each is not None]
    if not found:
        return float("nan"), float("nan")
    member, residual, size = np.array(found).T
    variance = (member - residual) / size
    scale = np.maximum(variance, 0.0) + residual
    fraction = np.sum(variance / scale) / np.sum((variance + residual) / scale)
    return float(fraction), float(size.mean())


def _squares(values: np.ndarray) -> _Squares | None:
    """Return the mean squares of (n_subjects, n_members); None where undefined."""
    row, column = np.nonzero(np.isfinite(values))
    if not len(row):
        return None
    y, by_subject, by_member = values[row, column], one_hot(row), one_hot(column)
    z = np.concatenate([by_member, y[:, None] - y.mean()], axis=1)
    z = z - by_subject @ ((by_subject.T @ z) / by_subject.sum(axis=0)[:, None])
    z, y = z[:, :-1], z[:, -1]
    effects, _, rank, _ = np.linalg.lstsq(z, y, rcond=None)
    free = len(y) - by_subject.shape[1] - int(rank)
    explained, total = float(y @ (z @ effects)), float(y @ y)
    if rank < 1 or free < 1 or not total > 0:
        return None
    residual = max(total - explained, 0.0) / free
    return _Squares(explained / int(rank), residual, float(np.sum(z * z)) / int(rank))


def _scaled(values: np.ndarray) -> np.ndarray:
    """Return the values in units of each structure's standard deviation between members."""
    scaled = np.full(values.shape, np.nan)
    for k, each in enumerate(values):
        found = _squares(each)
        if found is not None:
            variance = max((found.member - found.residual) / found.size, 0.0) + found.residual
            scaled[k] = each / np.sqrt(variance) if variance > 0 else np.nan
    return scaled
