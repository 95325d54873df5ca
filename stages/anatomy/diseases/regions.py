"""Parts of a label map that diseases act on: sides, boxes, nearest voxels."""

import numpy as np

from stages.anatomy.tissue import LEFT_TO_RIGHT

SIDES = ("left", "right")
WHITE_MATTER, CORTEX = 2, 3
VENTRICLE = (4, 5)
"""Lateral ventricle and its inferior horn, on the left."""

MARGIN_MM = 12
"""How far around a structure the CSF that takes its place is looked for."""
RAGGED_MM = 3.0
RAGGED = 0.25
"""Width (mm) and log-SD of the noise that makes borders of lesions irregular."""
MM3_PER_ML = 1000


def sides(label: int) -> tuple[int, int]:
    """Return the ids of a structure on the left and on the right."""
    return label, LEFT_TO_RIGHT[label]


def box(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    """Return the box around a mask, `margin` voxels wider on each side; empty for an empty mask."""
    spans = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        start, stop = (filled[0], filled[-1] + 1) if filled.size else (0, 0)
        spans.append(slice(max(0, start - margin), stop + margin if filled.size else 0))
    return tuple(spans)


def first(distance: np.ndarray, n: int) -> np.ndarray:
    """Return the indices of the `n` smallest values; ties go to the first."""
    return np.argsort(distance, kind="stable")[:n]
