"""Deming regression: a straight line where both variables have errors."""

from typing import NamedTuple

import numpy as np

from stages.statistics.methods.bootstrap import Interval
from stages.statistics.methods.jackknife import jackknife_interval


class Line(NamedTuple):
    """Slope and intercept."""

    slope: float
    intercept: float


def deming(volumes: np.ndarray, reference: np.ndarray, ratio: float) -> Line:
    """Return the line of a member taken at random against the reference.

    slope = (s_yy - d s_xx + sqrt((s_yy - d s_xx)^2 + 4 d s_xy^2)) / (2 s_xy), d the ratio of the
    errors' variances (Linnet 1993, doi:10.1093/clinchem/39.3.424); moments are averages over
    members.

    Args:
        volumes: (n_scans, n_members), y, any unit; NaN where undefined.
        reference: (n_scans,), x.
        ratio: d, variance of an error in y over that in x, positive.

    Returns:
        NaN with fewer than three scans, an undefined ratio, or a covariance that is not positive.
    """
    known = np.isfinite(volumes).all(axis=1) & np.isfinite(reference)
    nothing = Line(float("nan"), float("nan"))
    if known.sum() < 3 or not 0 < ratio < np.inf:
        return nothing
    y, x = volumes[known], reference[known][:, None]
    centred = y - y.mean(axis=0), x - x.mean()
    s_yy, s_xx = (float(np.mean(part**2)) for part in centred)
    s_xy = float(np.mean(centred[0] * centred[1]))
    if not s_xy > 0:
        return nothing
    excess = s_yy - ratio * s_xx
    slope = (excess + np.sqrt(excess**2 + 4.0 * ratio * s_xy**2)) / (2.0 * s_xy)
    return Line(float(slope), float(y.mean() - slope * x.mean()))


def deming_intervals(
    volumes: np.ndarray, reference: np.ndarray, ratio: float, subject: np.ndarray, level: float
) -> tuple[Interval, Interval]:
    """Return the intervals of slope and intercept, by jackknife over subjects and members.

    Args:
        volumes: (n_scans, n_members), y, any unit; NaN where undefined.
        reference: (n_scans,), x.
        ratio: as of `deming`.
        subject: (n_scans,) the subject of each scan.
        level: coverage, between 0 and 1.
    """

    def part(index: int) -> Interval:
        def value(scans: np.ndarray, members: np.ndarray) -> float:
            return deming(volumes[scans][:, members], reference[scans], ratio)[index]

        return jackknife_interval(value, subject, volumes.shape[1], level)

    return part(0), part(1)
