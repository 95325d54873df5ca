"""The 1 mm grid on which heads are built, and head coordinates on it."""

from typing import NamedTuple

import numpy as np

HEAD_SHAPE = (192, 216, 168)
"""Voxels of the 1 mm object along (superior, anterior, right)."""

HEAD_CENTRE_MM = (-4.0, -18.0, 0.0)
"""Where voxel N // 2 lies: (superior, anterior, right) of the anterior commissure."""


class Points(NamedTuple):
    """Positions in a symmetric head, mm from the anterior commissure; arrays broadcast together."""

    lateral: np.ndarray
    """Distance from the midline, the same left and right, >= 0."""
    anterior: np.ndarray
    superior: np.ndarray

    def every(self, step: int) -> "Points":
        """Every `step`-th point along each of the three axes."""
        return Points(*(part[::step, ::step, ::step] for part in self))

    def where(self, mask: np.ndarray) -> "Points":
        """The points inside a boolean mask, as flat arrays."""
        return Points(*(part[mask] for part in self))


def along(values: np.ndarray, axis: int) -> np.ndarray:
    """A 1-D array (n,) as a float32 array of three axes that varies along `axis` alone."""
    shape = [1, 1, 1]
    shape[axis] = -1
    return np.asarray(values, np.float32).reshape(shape)


def coordinates() -> list[np.ndarray]:
    """Head coordinates in mm along superior, anterior, right; each broadcasts to `HEAD_SHAPE`."""
    return [
        along(np.arange(n) - n // 2 + centre, axis)
        for axis, (n, centre) in enumerate(zip(HEAD_SHAPE, HEAD_CENTRE_MM, strict=True))
    ]
