"""Components of the variance of volumes over members and segmentations, pooled, with intervals.

Cubes are (n_structures, n_scans, n_members, n_draws), NaN where a volume is absent. Variances are
relative to the square of the pair's mean volume, in %^2: the root of one is a CV in %.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.statistics.methods.crossed_draws import Parts, split
from stages.statistics.methods.crossed_intervals import Crossed, crossed
from stages.statistics.methods.member_medians import Draws
from stages.statistics.methods.variability import PERCENT, positive

PARTS = Parts._fields
FRACTIONS = ("reconstruction", "segmentation", "interaction")
"""Of the total; the first two add up to 1, and the second holds the third."""

STATISTICS = (*PARTS, *(f"{name}_fraction" for name in FRACTIONS))


def draw_cube(table: pd.DataFrame, structures: Sequence[str], scans: Sequence[str]) -> np.ndarray:
    """Return the volumes of a group's repeated segmentations as a cube.

    Args:
        table: columns member, draw, subject, structure, volume_mm3, of one group.
        structures: of the first axis.
        scans: of the second axis.
    """
    members, member = np.unique(table["member"], return_inverse=True)
    numbers, number = np.unique(table["draw"], return_inverse=True)
    row = pd.Index(structures).get_indexer(table["structure"])
    column = pd.Index(scans).get_indexer(table["subject"])
    cube = np.full((len(structures), len(scans), len(members), len(numbers)), np.nan)
    there = (row >= 0) & (column >= 0)
    places = tuple(each[there] for each in (row, column, member, number))
    cube[places] = table["volume_mm3"].to_numpy(np.float64)[there]
    return cube


def pair_means(cube: np.ndarray) -> np.ndarray:
    """Return the mean volume of each pair over the members that have all draws, NaN without any."""
    known = np.isfinite(cube).all(axis=-1)
    count = known.sum(axis=-1)
    total = np.where(known, np.where(known[..., None], cube, 0.0).mean(axis=-1), 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def relative_parts(cube: np.ndarray) -> Parts:
    """Return the components of each pair, in %^2, (n_structures, n_scans) each."""
    mean = positive(pair_means(cube))
    return split(PERCENT * cube / mean[..., None, None])


def pooled_parts(cube: np.ndarray, draws: Draws) -> Crossed:
    """Return means over scans of each structure, and over structures of those, with intervals.

    Pairs below 0 count as such. The fraction of a structure is that of its means, and the pooled
    fraction is the mean over structures: each counts in units of its own total.

    Args:
        cube: volumes.
        draws: of subjects, for the scans.

    Returns:
        (n_structures + 1, len(STATISTICS)), the last row of all structures; %^2, and fractions.
    """

    def statistic(weights: np.ndarray, members: np.ndarray) -> np.ndarray:
        found = np.stack(relative_parts(cube[..., members, :]), axis=-1)
        means = _weighted_means(found, weights)
        parts = dict(zip(PARTS, np.moveaxis(means, -1, 0), strict=True))
        total = positive(parts["total"])
        fractions = np.stack([parts[name] / total for name in FRACTIONS], axis=-1)
        rows = np.concatenate([means, fractions], axis=-1)
        return np.concatenate([rows, _mean_of_known(rows)], axis=1)

    n_members = cube.shape[2]
    return crossed(statistic, draws.weights, draws.n_subjects, n_members, nested=draws.within)


def _weighted_means(pairs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return means over the scans that a structure has, (n_draws, n_structures, n_parts)."""
    known = np.isfinite(pairs)
    total = np.einsum("ds,ksp->dkp", weights, np.where(known, pairs, 0.0))
    count = np.einsum("ds,ksp->dkp", weights, known.astype(np.float64))
    return np.where(count > 0, total / np.where(count > 0, count, 1.0), np.nan)


def _mean_of_known(rows: np.ndarray) -> np.ndarray:
    """Return the mean over the structures that have one, (n_draws, 1, n_statistics)."""
    known = np.isfinite(rows)
    count = known.sum(axis=1, keepdims=True)
    total = np.where(known, rows, 0.0).sum(axis=1, keepdims=True)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
