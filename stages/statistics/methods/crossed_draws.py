"""Law of total variance of a volume over images of one scan and segmentations of each of them.

Every member's image is segmented at the same random places on the voxel grid, so that members and
draws are crossed within a scan:

    V_mk = mu + r_m + s_k + (rs)_mk

r is the reconstruction, s the segmentation at one place whichever the image, (rs) their
interaction. Var V = E[Var(V | image)] + Var(E[V | image]), where the first term, the segmentation
part, is s and (rs) together, and the second, the reconstruction part, is r.
"""

from typing import NamedTuple

import numpy as np


class Parts(NamedTuple):
    """Components of variance, (...), in squared units; NaN where undefined."""

    total: np.ndarray
    """Of one image that is segmented once: reconstruction + segmentation."""

    reconstruction: np.ndarray
    """Var(E[V | image]); free of bias, hence below 0 where there is little of it."""

    segmentation: np.ndarray
    """E[Var(V | image)], the mean over members of the variance over draws, interaction included."""

    interaction: np.ndarray
    """Of member and draw."""


def split(values: np.ndarray) -> Parts:
    """Return the components of a two-way random model without replication, by its mean squares.

    With M members, K draws, and mean squares MS_m of members, MS_e of the residual: reconstruction
    = (MS_m - MS_e) / K, interaction = MS_e, segmentation = mean_m Var_k(V_mk) (Searle, Casella and
    McCulloch 1992, Variance Components, chapter 4). Free of bias for any distribution. Differences
    are taken from one member and one draw first: equal draws have a segmentation part of exactly 0,
    equal images a reconstruction part and an interaction of exactly 0.

    Args:
        values: (..., n_members, n_draws), any unit; a member counts if it has all draws.

    Returns:
        (...) each; NaN with fewer than two members that count, or two draws.
    """
    values = np.asarray(values, dtype=np.float64)
    n_draws = values.shape[-1]
    known = np.isfinite(values).all(axis=-1)
    count = known.sum(axis=-1)
    if n_draws < 2 or not known.any():
        return Parts(*(np.full(values.shape[:-2], np.nan) for _ in Parts._fields))
    values = np.where(known[..., None], values, 0.0)
    first = values[..., :1]
    apart = values - first  # (..., M, K), from the first draw
    within = np.where(known, apart.var(axis=-1, ddof=1), 0.0)
    means = first[..., 0] + apart.mean(axis=-1)
    origin = known.argmax(axis=-1)[..., None]
    crossed = apart - np.take_along_axis(apart, origin[..., None], axis=-2)
    n = np.maximum(count, 1)[..., None]
    total = np.where(known[..., None], crossed, 0.0)
    rest = total - total.sum(axis=-2, keepdims=True) / n[..., None]
    rest = np.where(known[..., None], rest - rest.mean(axis=-1, keepdims=True), 0.0)
    free = np.where(count > 1, (count - 1.0) * (n_draws - 1.0), np.nan)
    interaction = np.sum(rest**2, axis=(-2, -1)) / free
    offsets = np.where(known, means - np.take_along_axis(means, origin, axis=-1), 0.0)
    offsets = np.where(known, offsets - offsets.sum(axis=-1, keepdims=True) / n, 0.0)
    between = np.sum(offsets**2, axis=-1) * (n_draws - 1.0) / free
    reconstruction = between - interaction / n_draws
    segmentation = within.sum(axis=-1) / np.where(count > 1, count, np.nan)
    return Parts(reconstruction + segmentation, reconstruction, segmentation, interaction)


def residual(values: np.ndarray) -> tuple[float, int]:
    """Return the interaction pooled over scans, and its degrees of freedom.

    Args:
        values: (n_scans, n_members, n_draws), any unit, NaN where absent.

    Returns:
        sum (M - 1)(K - 1) MS_e / sum (M - 1)(K - 1); NaN and 0 where no scan has two members of
        all draws.
    """
    count = np.isfinite(values).all(axis=-1).sum(axis=-1)
    free = np.maximum(count - 1, 0) * (values.shape[-1] - 1)
    found = split(values).interaction
    known = np.isfinite(found) & (free > 0)
    if not known.any():
        return float("nan"), 0
    return float(np.average(found[known], weights=free[known])), int(free[known].sum())
