"""How well a segmentation agrees with another one of the same scan: overlap and surfaces.

Left and right parts are one structure. Surfaces are the voxels of `agreement.surfaces`.
"""

import numpy as np
import pandas as pd

from stages.measures.agreement import (
    Distances,
    Surfaces,
    VoxelSize,
    count_votes,
    directed_distances,
    mean_distances,
    overlaps,
    surfaces,
)
from stages.study.schema import OVERLAP

PERCENTILE = 95.0  # of surface distances: the largest one hangs on a single voxel
COLUMNS = OVERLAP.less("group", "member", "subject", "target")
# why a score is undefined: which of the two has no voxel of the structure
REASONS = {
    (True, True): "",
    (False, True): "absent in the member",
    (True, False): "absent in the target",
    (False, False): "absent in both",
}


def percentile_distances(
    here: Surfaces, there: Surfaces, directed: Distances, percentile: float
) -> np.ndarray:
    """Return a percentile of the distances of one surface from another, of each structure, in mm.

    Args:
        here: surfaces of structures.
        there: of the same box.
        directed: `directed_distances` from here to there.
        percentile: 0 ... 100, between order statistics by linear interpolation.

    Returns:
        (n_structures,); NaN if one of the two is empty.
    """
    numbers, distances = directed
    result = np.full(len(here.sizes) - 1, np.nan)
    for number in range(1, len(here.sizes)):
        if here.sizes[number] and there.sizes[number]:
            apart = distances[numbers == number]
            common = np.zeros(int(here.sizes[number]) - len(apart))
            values = np.concatenate([common, apart])
            result[number - 1] = np.percentile(values, percentile)
    return result


def hausdorff(
    first: Surfaces,
    second: Surfaces,
    there: Distances,
    back: Distances,
    percentile: float = PERCENTILE,
) -> np.ndarray:
    """Return max(P(d(a, B)), P(d(b, A))), P a percentile over surface voxels, (n_structures,) mm.

    With percentile 100 the Hausdorff distance (Huttenlocher, Klanderman and Rucklidge 1993,
    doi:10.1109/34.232073); with 95 robust against single voxels, as recommended for segmentations
    (Maier-Hein et al. 2024, doi:10.1038/s41592-023-02151-z). NaN if a structure is empty.

    Args:
        first: surfaces of structures.
        second: of the same box.
        there: `directed_distances` from the first to the second.
        back: from the second to the first.
        percentile: 0 ... 100.
    """
    one = percentile_distances(first, second, there, percentile)
    other = percentile_distances(second, first, back, percentile)
    return np.maximum(one, other)


def overlap_table(
    member: np.ndarray, target: np.ndarray, names: list[str], voxel_size_mm: VoxelSize
) -> pd.DataFrame:
    """Return how well a member agrees with a target, one row a structure.

    Dice 2 |A and B| / (|A| + |B|) (doi:10.2307/1932409), 0 where one of the two is empty; mean
    symmetric surface distance and `hausdorff` are NaN there. All are NaN where both are empty.

    Args:
        member: structure numbers (i, j, k) uint8 from 1, 0 outside.
        target: the same of the target, on the same grid.
        names: of the structures, in the order of their numbers.
        voxel_size_mm: edge lengths in the order of the axes.

    Returns:
        Columns structure, dice, surface_distance_mm, hausdorff95_mm and reason (`REASONS`).
    """
    n = len(names)
    votes = count_votes([member, target], margin=0)
    first, second = (surfaces(votes.volume(own), n) for own in votes.numbers)
    there = directed_distances(first, second, voxel_size_mm)
    back = directed_distances(second, first, voxel_size_mm)
    present = zip(first.sizes[1:] > 0, second.sizes[1:] > 0, strict=True)
    scores = {
        "dice": [dice for dice, _ in overlaps(votes, n)],
        "surface_distance_mm": mean_distances(first, second, there, back),
        "hausdorff95_mm": hausdorff(first, second, there, back),
    }
    reasons = [REASONS[bool(a), bool(b)] for a, b in present]
    return pd.DataFrame({"structure": names, **scores, "reason": reasons})[COLUMNS]
