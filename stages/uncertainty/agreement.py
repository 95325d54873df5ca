"""How far the members' segmentations of a structure agree: overlap, votes and surfaces.

These cost as much as the coefficient of variation itself and are diagnostics of it. Identical
members have a Dice coefficient of 1, an entropy of 0 and a distance of 0.
"""

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree
from scipy.special import entr


def pairwise_dice(masks: np.ndarray) -> float:
    """Return the mean over pairs of members of 2 |A and B| / (|A| + |B|) (Dice 1945, Ecology 26).

    Args:
        masks: (n_members, n_voxels) bool.

    Returns:
        0 ... 1; pairs of two empty masks are left out, NaN without any other.
    """
    # float32 counts voxels exactly up to 2^24, more than a structure has
    inside = masks.astype(np.float32)
    common = (inside @ inside.T).astype(np.float64)
    sizes = np.diag(common)
    first, second = np.triu_indices(len(masks), k=1)
    both = sizes[first] + sizes[second]
    known = both > 0
    if not known.any():
        return float("nan")
    return float(np.mean(2.0 * common[first, second][known] / both[known]))


def vote_entropy(masks: np.ndarray) -> float:
    """Return the mean of -p ln p - (1 - p) ln(1 - p) over the union, p the share of members.

    Args:
        masks: (n_members, n_voxels) bool.

    Returns:
        Nats, 0 ... ln 2; NaN if the union is empty.
    """
    share = masks.mean(axis=0)
    share = share[share > 0]
    return float(np.mean(entr(share) + entr(1.0 - share))) if len(share) else float("nan")


def majority(masks: np.ndarray) -> np.ndarray:
    """Return the voxels that more than half of the members hold.

    Args:
        masks: (n_members, ...) bool.

    Returns:
        (...) bool.
    """
    return 2 * masks.sum(axis=0, dtype=np.int32) > len(masks)


def surface(mask: np.ndarray) -> np.ndarray:
    """Return the voxels of a structure with a face to its outside, (i, j, k) bool.

    Args:
        mask: (i, j, k) bool; beyond the volume is outside.
    """
    return mask & ~binary_erosion(mask)


def surface_distance(
    first: np.ndarray, second: np.ndarray, voxel_size_mm: tuple[float, float, float]
) -> float:
    """Return the mean symmetric distance of two surfaces, in mm.

    (sum over a of d(a, B) + sum over b of d(b, A)) / (|A| + |B|), d to the nearest surface voxel.

    Args:
        first: (i, j, k) bool, from `surface`.
        second: (i, j, k) bool, of the other structure.
        voxel_size_mm: edge lengths in the order of the axes.

    Returns:
        NaN if one of them is empty.
    """
    sizes = [int(part.sum()) for part in (first, second)]
    if not all(sizes):
        return float("nan")
    total = 0.0
    for here, there in ((first, second), (second, first)):
        # common voxels are at distance 0, and the surfaces of an ensemble have most in common
        apart = here & ~there
        if apart.any():
            points, targets = (np.argwhere(part) * voxel_size_mm for part in (apart, there))
            tree = cKDTree(targets, balanced_tree=False, compact_nodes=False)
            total += float(tree.query(points)[0].sum())
    return total / sum(sizes)


def mean_surface_distance(masks: np.ndarray, voxel_size_mm: tuple[float, float, float]) -> float:
    """Return the mean over members of the distance between a member and the majority, in mm.

    Args:
        masks: (n_members, i, j, k) bool; a box around the structure is enough.
        voxel_size_mm: edge lengths in the order of the axes.

    Returns:
        Empty members are left out; NaN if all are, or if no voxel has a majority.
    """
    vote = surface(majority(masks))
    distances = [surface_distance(surface(mask), vote, voxel_size_mm) for mask in masks]
    known = [distance for distance in distances if np.isfinite(distance)]
    return float(np.mean(known)) if known else float("nan")
