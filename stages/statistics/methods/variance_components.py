"""Components of variance of a two-way table of scans and members, gaps included."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from stages.statistics.methods.crossed_draws import residual
from stages.statistics.methods.pivots import strata
from stages.statistics.methods.reml import fit, products

type Values = float | np.ndarray
PARTS = ("subject", "member", "residual")


class Segmentation(NamedTuple):
    """Variance of ln V over segmentations of one image, and how many a pair's value averages."""

    variance: Values
    n_averaged: float
    free: int = 1
    """Degrees of freedom of the variance."""

    residual: Values | None = None
    """The part of it that differs between members; None where no two members have all draws."""

    residual_free: int = 1
    """Degrees of freedom of that part."""

    @property
    def noise(self) -> Values:
        """Return the variance that segmentation adds to the residual of a pair's value."""
        own = self.variance if self.residual is None else self.residual
        return own / self.n_averaged

    def drawn(self, uniforms: np.ndarray) -> "Segmentation":
        """Return it with draws of its variances, (n_draws,), from chi-squared distributions."""
        found = self._replace(variance=self.variance * self.free / chi2.ppf(uniforms, self.free))
        if self.residual is None:
            return found
        scale = self.residual_free / chi2.ppf(uniforms, self.residual_free)
        return found._replace(residual=self.residual * scale)


def components(values: np.ndarray, segmentation: Segmentation | None = None) -> dict[str, float]:
    """Return the variance components by restricted maximum likelihood, of all pairs there are.

    subject, member and residual as in `reml.fit`; interaction = residual - sigma2_e / n, at least
    0, segmentation = sigma2_seg, where a pair's value is the mean of n segmentations and sigma2_e
    the part of sigma2_seg that differs between members segmented at the same places. With all
    pairs and no negative estimate: subject = (MS_s - MS_e) / M, member = (MS_m - MS_e) / S (Searle,
    Casella and McCulloch 1992, Variance Components, chapter 4).

    Args:
        values: (n_subjects, n_members), ln V (or any unit); NaN where a pair is undefined.
        segmentation: from `combine`; None where every image was segmented once, and then the
            interaction holds the segmentation too.

    Returns:
        subject, member, interaction and, if it is known, segmentation, in squared units; NaN where
        the pairs leave no degree of freedom to one of the three.
    """
    return {k: float(v) for k, v in with_segmentation(estimate(values), segmentation).items()}


def estimate(values: np.ndarray) -> dict[str, float]:
    """Return subject, member and residual, in squared units, as `components` does."""
    values = np.asarray(values, dtype=np.float64)
    row, column = np.nonzero(np.isfinite(values))
    if not strata(values).defined:
        return dict.fromkeys(PARTS, float("nan"))
    found = fit(products(values[row, column], [row, column]))
    return dict(zip(PARTS, found.tolist(), strict=True))


def with_segmentation(
    parts: Mapping[str, Values], segmentation: Segmentation | None
) -> dict[str, Values]:
    """Return the components with the residual divided into interaction and segmentation.

    Args:
        parts: subject, member, residual, numbers or draws, in squared units.
        segmentation: as in `components`; its variance a number, or draws of it.
    """
    noise = segmentation.noise if segmentation else 0.0
    found = {
        "subject": parts["subject"],
        "member": parts["member"],
        # the maximum of NaN and 0 is NaN
        "interaction": np.maximum(parts["residual"] - noise, 0.0),
    }
    return found | ({"segmentation": segmentation.variance} if segmentation else {})


def agreement(parts: Mapping[str, Values]) -> np.ndarray:
    """Return ICC(A,1), the fraction of the variance of one member's volumes that is between scans.

    subject / (subject + member + residual); with all pairs and no negative estimate that of McGraw
    and Wong 1996, doi:10.1037/1082-989X.1.1.30.

    Args:
        parts: subject, member, residual, numbers or draws, in squared units.

    Returns:
        0 to 1; NaN without any variability.
    """
    total = np.asarray(parts["subject"] + parts["member"] + parts["residual"], dtype=np.float64)
    return parts["subject"] / np.where(total > 0, total, np.nan)


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
    less noisy. A draw has the same place for all members of a scan: what it does to all of them is
    no difference between members. Draws of some pairs only tell how much a segmentation varies; the
    values are then the study's volumes, each one segmentation.

    Args:
        log_volumes: (n_subjects, n_members), ln V, NaN where undefined.
        log_draws: (n_subjects, n_members, n_draws), ln V, NaN where there is no draw; or None.
    """
    present = np.isfinite(log_volumes)
    if log_draws is None or not log_draws.size or not present.any():
        return log_volumes, None
    log_draws = np.where(present[..., None], log_draws, np.nan)
    variance = segmentation_variance(log_draws)
    if np.isnan(variance):
        return log_volumes, None
    known = np.isfinite(log_draws)
    n_draws = known.sum(axis=-1)
    free = int(np.maximum(n_draws - 1, 0).sum())
    apart, apart_free = residual(log_draws)
    own = (apart, apart_free) if apart_free else (None, 1)
    if n_draws[present].min() < 2:
        return log_volumes, Segmentation(variance, 1.0, free, *own)
    means = np.where(known, log_draws, 0.0).sum(axis=-1) / np.maximum(n_draws, 1)
    # the residual mean square of unequal pairs holds the mean of their variances
    averaged = 1.0 / float(np.mean(1.0 / n_draws[present]))
    return np.where(present, means, np.nan), Segmentation(variance, averaged, free, *own)
