"""Radial sampling profile of a mask: the fraction of k-space samples taken in each ring."""

from dataclasses import dataclass

import numpy as np

from stages.kspace.masks.centre import middle

RINGS = 16  # of equal width, from zero frequency to the farthest corner


@dataclass(frozen=True, eq=False)
class Profile:
    """Rings around zero frequency, in k-space samples, and the fraction sampled in each."""

    edges: np.ndarray
    """(n + 1,), from 0 on; a ring holds its inner edge."""
    sampled: np.ndarray
    """(n,), 0 ... 1; NaN where partial Fourier leaves nothing of a ring."""


def radial_profile(mask: np.ndarray, n_acquired: int, width: int | None = None) -> Profile:
    """Return the fraction of the acquired k-space samples that a mask takes, ring by ring.

    Args:
        mask: (n_ky, n_kz) bool.
        n_acquired: acquired kz columns; those beyond them do not count.
        width: of a ring; None: so that there are at most `RINGS`.
    """
    y, z = (np.arange(n) - centre for n, centre in zip(mask.shape, middle(mask.shape), strict=True))
    distance = np.hypot(y[:, None], z[:n_acquired])
    width = width or int(distance.max() // RINGS) + 1
    rings = (distance // width).astype(int)
    counted = np.bincount(rings.ravel())
    sampled = np.bincount(rings.ravel(), weights=mask[:, :n_acquired].ravel())
    fractions = np.divide(sampled, counted, out=np.full(len(counted), np.nan), where=counted > 0)
    return Profile(width * np.arange(len(counted) + 1), fractions)
