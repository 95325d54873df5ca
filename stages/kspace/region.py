"""Regions of the plane of k-space, bool (n_ky, n_kz)."""

import numpy as np

RIM = 1.0  # positions: where an elliptical shutter ends differs by so much between scanners


def elliptical(matrix: tuple[int, int], margin: float = 0.0) -> np.ndarray:
    """Return the positions inside an elliptical shutter, its rim included.

    Args:
        matrix: (n_ky, n_kz).
        margin: positions by which the half axes are shorter than half the matrix.
    """
    half = [max(n / 2 - margin, 0.5) for n in matrix]
    y, z = (np.square((np.arange(n) - n // 2) / h) for n, h in zip(matrix, half, strict=True))
    return y[:, None] + z <= 1
