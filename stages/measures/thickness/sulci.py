"""Sulci that are narrower than a voxel: where the cortex of two opposite banks touches.

A label map has no CSF there, and a potential without a pial surface would run along the sulcus
instead of across the cortex. The surface is put back halfway between the two banks, as a layer
that grows from white matter meets the other one (Hutton et al. 2008,
doi:10.1016/j.neuroimage.2008.01.027). It lies between neighbours whose nearest voxels of white
matter are on opposite sides: the integer medial axis (Hesselink and Roerdink 2008,
doi:10.1109/TPAMI.2008.21), restricted to opposite walls.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt

from stages.measures.thickness.sheet import Sheet

OPPOSITE = -0.5  # cosine of the angle between the ways from white matter: 120 degrees
# of each bank: cortex is 1 to 4.5 mm thick (Fischl and Dale 2000, doi:10.1073/pnas.200033797), and
# walls that are nearer are a pit in the surface of a segmentation
LEAST_MM = 1.0 - 1e-3  # less the rounding of float32


class Banks(NamedTuple):
    """Voxels next to the middle of a closed sulcus."""

    places: np.ndarray
    """(n_banks,) places of them in `Sheet.index`."""
    beyond_mm: np.ndarray
    """(n_banks,) distance from the voxel's centre to the middle of the sulcus."""


def closed_sulci(cortex: Sheet) -> Banks:
    """Return where opposite banks touch.

    With d the distance of a voxel p from white matter, q its neighbour at the distance e across
    the middle, both walls are d(p) + d(q) + e apart, and the middle lies (d(q) - d(p) + e) / 2
    beyond p; 0 if it lies before p.
    """
    places, beyond = [], []
    vector, distance = _from_white_matter(cortex)
    bears = np.zeros(len(cortex.cortex), dtype=bool)
    bears[cortex.index] = True
    for axis, (step, size) in enumerate(zip(cortex.steps, cortex.size_mm, strict=True)):
        here = cortex.index[bears[cortex.index + step]]
        there = here + step
        product = sum(vector[a][here] * vector[a][there] for a in range(3))
        one, other = distance[here], distance[there]
        across = size * np.abs(vector[axis][here]) / np.where(one > 0, one, 1)
        facing = product < OPPOSITE * one * other
        facing &= one + other + across - size >= 2 * LEAST_MM
        here, there = here[facing], there[facing]
        for one, other in ((here, there), (there, here)):
            across = size * np.abs(vector[axis][one]) / distance[one]
            places.append(one)
            beyond.append((distance[other] - distance[one] + across) / 2)
    every, nearest = np.concatenate(places), np.maximum(np.concatenate(beyond), 0.0)
    order = np.lexsort((nearest, every))
    found, first = np.unique(every[order], return_index=True)
    return Banks(np.searchsorted(cortex.index, found), nearest[order][first])


def _from_white_matter(cortex: Sheet) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the way from the nearest inner voxel to each voxel, by axis, and its length, mm."""
    inner = cortex.inner.reshape(cortex.shape)
    nearest = distance_transform_edt(
        ~inner, sampling=cortex.size_mm, return_distances=False, return_indices=True
    )
    vector = []
    for axis, size in enumerate(cortex.size_mm):
        own = np.arange(cortex.shape[axis], dtype=np.int32)
        own = own.reshape([-1 if a == axis else 1 for a in range(3)])
        vector.append(((own - nearest[axis]) * np.float32(size)).ravel())
    return vector, np.sqrt(sum(part**2 for part in vector))
