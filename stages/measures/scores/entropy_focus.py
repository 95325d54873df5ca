"""Entropy focus criterion (EFC): blur and ghosts of one image.

Atkinson et al. 1997, IEEE Trans. Med. Imaging 16, doi:10.1109/42.650886.
"""

import numpy as np
from scipy.special import xlogy


def entropy_focus(image: np.ndarray) -> np.ndarray:
    """Return EFC of each slice: 0 if one pixel has all energy, 1 if all have the same; 0 is best.

    E = -sum_j b_j ln b_j with b = |x| / sqrt(sum x^2), over its largest value sqrt(N) ln sqrt(N) of
    N pixels, which makes boxes of different sizes comparable (Esteban et al. 2017, PLoS One 12,
    doi:10.1371/journal.pone.0184661).

    Args:
        image: (n, y, z), any unit; two pixels or more.

    Returns:
        (n,), NaN where a slice is blank.
    """
    sizes = np.abs(image.reshape(len(image), -1))
    energy = np.sqrt(np.sum(sizes**2, axis=1, keepdims=True))
    parts = sizes / np.where(energy > 0, energy, np.nan)
    root = np.sqrt(sizes.shape[1])
    return np.asarray(-xlogy(parts, parts).sum(axis=1) / (root * np.log(root)))
