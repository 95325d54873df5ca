"""A label map in the field of view of a scan: placing it, coarsening it, measuring it.

A scan of `grid` voxels of a whole number `factor` of mm has a fine grid of `factor * grid` voxels
of 1 mm. Coarse voxel j lies on fine voxel `factor * j`; coarse voxel n // 2 is the centre.
"""

from itertools import product

import numpy as np

from stages.anatomy.tissue import MUSCLE_SKIN
from stages.study.axes import Shape, three
from stages.study.structures import SYNTHSEG_TABLE


def fine_shape(grid: Shape, factor: int) -> Shape:
    """Shape of the 1 mm grid over the same field of view."""
    return three(n * factor for n in grid)


def fine_centre(grid: Shape, factor: int) -> Shape:
    """Fine voxel at the centre of the field of view, where the middle coarse voxel lies."""
    return three(factor * (n // 2) for n in grid)


def place(labels: np.ndarray, origin: Shape, shape: Shape, target: Shape) -> np.ndarray:
    """Copy a label map into zeros of `shape`; its voxel `origin` comes to lie on `target`."""
    result = np.zeros(shape, labels.dtype)
    source, goal = [], []
    for n_from, n_to, at_from, at_to in zip(labels.shape, shape, origin, target, strict=True):
        shift = at_to - at_from
        start, stop = max(0, shift), min(n_to, n_from + shift)
        goal.append(slice(start, max(start, stop)))
        source.append(slice(start - shift, max(start, stop) - shift))
    result[tuple(goal)] = labels[tuple(source)]
    return result


def extend_neck(labels: np.ndarray) -> np.ndarray:
    """Repeat the lowest slice of the head down to the border, where it has a neck at all.

    Axis 0 increases towards superior. A map without soft tissue (a bare brain) stays as it is.
    """
    filled = np.flatnonzero(labels.any(axis=(1, 2)))
    if not filled.size or filled[0] == 0 or not (labels[filled[0]] >= MUSCLE_SKIN).any():
        return labels
    extended = labels.copy()
    extended[: filled[0]] = labels[filled[0]]
    return extended


def majority(labels: np.ndarray, grid: Shape, factor: int) -> np.ndarray:
    """Label that fills most of each coarse voxel, same dtype, shape `grid`.

    A coarse voxel reaches half its edge to either side of its fine centre; for an even factor the
    two outermost fine voxels count half along that axis. Ties go to the first in scan order.
    """
    weights, offsets = footprint(factor)
    margin = factor // 2
    padded = np.pad(labels, margin, mode="edge")
    starts = [[margin + offset for offset in at] for at in offsets]
    windows = [
        padded[tuple(slice(a, a + n * factor, factor) for a, n in zip(start, grid, strict=True))]
        for start in starts
    ]
    result = windows[offsets.index((0, 0, 0))].copy()
    mixed = np.zeros(grid, bool)
    for window in windows:
        mixed |= window != result
    votes = np.stack([window[mixed] for window in windows])
    result[mixed] = elect(votes, weights)
    return result


def footprint(factor: int) -> tuple[np.ndarray, list[Shape]]:
    """Weights and offsets of the fine voxels that a coarse voxel covers."""
    reach = factor // 2
    line = np.ones(2 * reach + 1)
    if factor % 2 == 0:
        line[[0, -1]] = 0.5
    offsets = [three(at) for at in product(range(-reach, reach + 1), repeat=3)]
    weights = np.array([np.prod([line[o + reach] for o in at]) for at in offsets], np.float32)
    return weights, offsets


def elect(votes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Candidate with most weight behind it; votes (n_voters, n_elections), weights (n_voters,)."""
    winner = votes[0].copy()
    best = np.zeros(votes.shape[1], np.float32)
    for label in np.unique(votes):
        support = weights @ (votes == label)
        better = support > best
        winner[better], best[better] = label, support[better]
    return winner


def true_volumes(labels: np.ndarray) -> dict[str, float]:
    """Volume in mm3 of every structure of SynthSeg's table, by its name, from 1 mm labels."""
    counts = np.bincount(labels.ravel(), minlength=max(SYNTHSEG_TABLE) + 1)
    return {name: float(counts[label]) for label, name in SYNTHSEG_TABLE.items()}


def brain_only(labels: np.ndarray) -> np.ndarray:
    """The labels of SynthSeg's table; everything else becomes 0."""
    table = np.zeros(int(labels.max()) + 1, labels.dtype)
    known = [label for label in SYNTHSEG_TABLE if label < len(table)]
    table[known] = known
    return table[labels]
