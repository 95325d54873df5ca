"""Slices that scores are tested on."""

import numpy as np
from scipy.ndimage import gaussian_filter


def pair(shape: tuple[int, int, int], noise: float = 8.0, seed: int = 0) -> list[np.ndarray]:
    """Return a smooth reference from 0 to 255, and the same blurred and with noise."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.random(shape), (0, 1.5, 1.5))
    reference = 255 * (smooth - smooth.min()) / np.ptp(smooth)
    blurred = gaussian_filter(reference, (0, 0.6, 0.6))
    return [reference, 0.95 * blurred + noise * rng.standard_normal(shape)]


def halves(slice_: np.ndarray) -> np.ndarray:
    """Return the means of 2 x 2 pixels of one slice, by loops; zeros beyond its ends."""
    n_y, n_z = slice_.shape
    wide = np.zeros((n_y + 1, n_z + 1))
    wide[:n_y, :n_z] = slice_
    return np.array(
        [[wide[i : i + 2, j : j + 2].mean() for j in range(0, n_z, 2)] for i in range(0, n_y, 2)]
    )
