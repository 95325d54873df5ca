"""Agreement of two measurements of the same scans by one number: Lin's CCC and ICC(A,1).

One of the two is repeated by the members of an ensemble: the moments are averages over members, so
that the number is of a member taken at random.
"""

from collections.abc import Callable

import numpy as np

from stages.statistics.methods.bootstrap import Interval
from stages.statistics.methods.jackknife import jackknife_interval

RATERS = 2


def concordance(volumes: np.ndarray, reference: np.ndarray) -> float:
    """Return Lin's concordance correlation coefficient, 2 s_xy / (s_x^2 + s_y^2 + (x - y)^2).

    Moments with the divisor n as in Lin 1989, doi:10.2307/2532051.

    Args:
        volumes: (n_scans, n_members), any unit; NaN where undefined.
        reference: (n_scans,), the same unit.

    Returns:
        -1 to 1; NaN with fewer than two scans, or without any variability.
    """
    x, y = _complete(volumes, reference)
    if x is None or y is None:
        return float("nan")
    total = y.var(axis=0).mean() + x.var(axis=0).mean() + np.mean((x - y).mean(axis=0) ** 2)
    shared = np.mean((x - x.mean(axis=0)) * (y - y.mean(axis=0)))
    return float(2.0 * shared / total) if total > 0 else float("nan")


def icc_of_two(volumes: np.ndarray, reference: np.ndarray) -> float:
    """Return ICC(A,1) of a member and the reference as two raters of the scans.

    (MS_r - MS_e) / (MS_r + MS_e + 2 (MS_c - MS_e) / n), McGraw and Wong 1996,
    doi:10.1037/1082-989X.1.1.30; mean squares are averages over members.

    Args:
        volumes: (n_scans, n_members), any unit; NaN where undefined.
        reference: (n_scans,), the same unit.

    Returns:
        At most 1; NaN with fewer than two scans, or without any variability.
    """
    x, y = _complete(volumes, reference)
    if x is None or y is None:
        return float("nan")
    n = len(x)
    difference, mean = x - y, (x + y) / RATERS
    rows = RATERS * mean.var(axis=0, ddof=1).mean()
    columns = n * np.mean(difference.mean(axis=0) ** 2) / RATERS
    rest = difference.var(axis=0, ddof=1).mean() / RATERS
    total = rows + (RATERS - 1) * rest + RATERS * (columns - rest) / n
    return float((rows - rest) / total) if total > 0 else float("nan")


def _complete(
    volumes: np.ndarray, reference: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return volumes and reference of the scans that every member has a volume of."""
    known = np.isfinite(volumes).all(axis=1) & np.isfinite(reference)
    if known.sum() < 2:
        return None, None
    x = volumes[known]
    return x, np.broadcast_to(reference[known][:, None], x.shape)


def coefficient_interval(
    coefficient: Callable[[np.ndarray, np.ndarray], float],
    volumes: np.ndarray,
    reference: np.ndarray,
    subject: np.ndarray,
    level: float,
) -> Interval:
    """Return the interval of one of the coefficients, by jackknife on Fisher's scale.

    Args:
        coefficient: `concordance` or `icc_of_two`.
        volumes: (n_scans, n_members), any unit; NaN where undefined.
        reference: (n_scans,), the same unit.
        subject: (n_scans,) the subject of each scan.
        level: coverage, between 0 and 1.

    Returns:
        NaN with fewer than three subjects, or at a coefficient of 1.
    """

    def fisher(scans: np.ndarray, members: np.ndarray) -> float:
        value = coefficient(volumes[scans][:, members], reference[scans])
        return float(np.arctanh(value)) if abs(value) < 1 else float("nan")

    found = jackknife_interval(fisher, subject, volumes.shape[1], level)
    low, high = np.tanh([found.low, found.high])
    return Interval(float(low), float(high), found.n_defined)
