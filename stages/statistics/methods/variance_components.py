"""Components of variance of a two-way table of scans and members, without replication."""

from typing import NamedTuple

import numpy as np


class MeanSquares(NamedTuple):
    """Mean squares of a two-way table: scans, members, and what neither explains."""

    subject: float
    member: float
    residual: float


class Segmentation(NamedTuple):
    """Variance of ln V over segmentations of one image, and how many a pair's value averages."""

    variance: float
    n_averaged: float


def mean_squares(values: np.ndarray) -> MeanSquares:
    """Return the mean squares of the two-way analysis of variance without replication.

    MS_s = M sum_s (y_s. - y..)^2 / (S - 1), MS_m = S sum_m (y_.m - y..)^2 / (M - 1),
    MS_e = sum_sm (y_sm - y_s. - y_.m + y..)^2 / ((S - 1)(M - 1)).

    Args:
        values: (n_subjects, n_members), any unit.

    Returns:
        In squared units; all NaN with fewer than two scans or members, or an undefined value.
    """
    values = np.asarray(values, dtype=np.float64)
    n_subjects, n_members = values.shape
    if min(values.shape) < 2 or not np.isfinite(values).all():
        return MeanSquares(*[float("nan")] * 3)
    values = values - values.mean()
    subject = values.mean(axis=1, keepdims=True)
    member = values.mean(axis=0, keepdims=True)
    free_subject, free_member = n_subjects - 1, n_members - 1
    residual = np.sum((values - subject - member) ** 2) / (free_subject * free_member)
    return MeanSquares(
        float(n_members * np.sum(subject**2) / free_subject),
        float(n_subjects * np.sum(member**2) / free_member),
        float(residual),
    )


def components(values: np.ndarray, segmentation: Segmentation | None = None) -> dict[str, float]:
    """Return the variance components, each estimated without bias and then truncated at 0.

    subject = (MS_s - MS_e) / M, member = (MS_m - MS_e) / S, interaction = MS_e - sigma2_seg / n,
    segmentation = sigma2_seg, where a pair's value is the mean of n segmentations (Searle, Casella
    and McCulloch 1992, Variance Components, chapter 4).

    Args:
        values: (n_subjects, n_members), ln V (or any unit).
        segmentation: from `segmentation_variance`; None where every image was segmented once, and
            then the interaction holds the segmentation too.

    Returns:
        subject, member, interaction and, if it is known, segmentation, in squared units; NaN where
        `mean_squares` is.
    """
    n_subjects, n_members = np.shape(values)
    squares = mean_squares(values)
    noise = segmentation.variance / segmentation.n_averaged if segmentation else 0.0
    found = {
        "subject": _truncated((squares.subject - squares.residual) / n_members),
        "member": _truncated((squares.member - squares.residual) / n_subjects),
        "interaction": _truncated(squares.residual - noise),
    }
    return found | ({"segmentation": segmentation.variance} if segmentation else {})


def _truncated(variance: float) -> float:
    return variance if np.isnan(variance) else max(0.0, variance)


def icc_agreement(values: np.ndarray) -> float:
    """Return ICC(A,1), the part of the variance of one member's volumes that is between scans.

    (MS_s - MS_e) / (MS_s + (M - 1) MS_e + M (MS_m - MS_e) / S), McGraw and Wong 1996,
    doi:10.1037/1082-989X.1.1.30.

    Args:
        values: (n_subjects, n_members), ln V (or any unit).

    Returns:
        At most 1, negative if members of one scan differ more than scans do; NaN where
        `mean_squares` is, or without any variability.
    """
    n_subjects, n_members = np.shape(values)
    squares = mean_squares(values)
    total = (
        squares.subject
        + (n_members - 1) * squares.residual
        + n_members * (squares.member - squares.residual) / n_subjects
    )
    return (squares.subject - squares.residual) / total if total > 0 else float("nan")


def complete(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scans and members of a table without gaps, as many pairs as a greedy rule keeps.

    The scan or member with the largest part missing is left out, again and again, so that one
    failed member does not cost all scans, nor one failed scan all members.

    Args:
        values: (n_subjects, n_members), NaN where a pair is undefined.

    Returns:
        (n_kept_subjects,) and (n_kept_members,), positions in `values`, ascending.
    """
    gaps = ~np.isfinite(np.asarray(values, dtype=np.float64))
    subjects, members = np.arange(gaps.shape[0]), np.arange(gaps.shape[1])
    while gaps[np.ix_(subjects, members)].any():
        part = gaps[np.ix_(subjects, members)]
        by_subject, by_member = part.mean(axis=1), part.mean(axis=0)
        if by_subject.max() >= by_member.max():
            subjects = np.delete(subjects, by_subject.argmax())
        else:
            members = np.delete(members, by_member.argmax())
    return subjects, members


def segmentation_variance(log_draws: np.ndarray) -> float:
    """Return the mean over pairs of the variance of ln V over draws (ddof = 1).

    The first term of the law of total variance, Var(y) = E[Var(y | image)] + Var(E[y | image]).

    Args:
        log_draws: (..., n_draws), ln V; NaN where an image has fewer draws than others.

    Returns:
        NaN without any pair of two draws.
    """
    log_draws = np.asarray(log_draws, dtype=np.float64)
    known = np.isfinite(log_draws)
    n_draws = known.sum(axis=-1)
    several = n_draws >= 2
    if not several.any():
        return float("nan")
    log_draws, known, n_draws = log_draws[several], known[several], n_draws[several]
    filled = np.where(known, log_draws, 0.0)
    mean = filled.sum(axis=-1, keepdims=True) / n_draws[:, None]
    squares = np.sum(np.where(known, log_draws - mean, 0.0) ** 2, axis=-1)
    return float(np.mean(squares / (n_draws - 1)))


def combine(
    log_volumes: np.ndarray, log_draws: np.ndarray | None
) -> tuple[np.ndarray, Segmentation | None]:
    """Return the values to decompose and what is known of their segmentation.

    Where every pair was segmented at least twice, the values are the means of the draws, which are
    less noisy. Draws of some pairs only tell how much a segmentation varies; the values are then
    the study's volumes, each one segmentation.

    Args:
        log_volumes: (n_subjects, n_members), ln V without gaps.
        log_draws: (n_subjects, n_members, n_draws), ln V, NaN where there is no draw; or None.
    """
    if log_draws is None or not log_draws.size:
        return log_volumes, None
    variance = segmentation_variance(log_draws)
    if np.isnan(variance):
        return log_volumes, None
    known = np.isfinite(log_draws)
    n_draws = known.sum(axis=-1)
    if n_draws.min() < 2:
        return log_volumes, Segmentation(variance, 1.0)
    means = np.where(known, log_draws, 0.0).sum(axis=-1) / n_draws
    # the residual mean square of unequal pairs holds the mean of their variances
    return means, Segmentation(variance, 1.0 / float(np.mean(1.0 / n_draws)))
