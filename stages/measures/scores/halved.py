"""Slices of half the resolution, on which HaarPSI and GMSD are defined."""

import numpy as np


def halved(slices: np.ndarray) -> np.ndarray:
    """Return the mean of each square of 2 x 2 pixels, with zeros beyond the last row and column.

    Args:
        slices: (n, y, z).

    Returns:
        (n, ceil(y / 2), ceil(z / 2)).
    """
    n_y, n_z = slices.shape[1:]
    even = np.pad(slices, ((0, 0), (0, n_y % 2), (0, n_z % 2)))
    rows = even[:, ::2] + even[:, 1::2]
    return (rows[:, :, ::2] + rows[:, :, 1::2]) / 4.0
