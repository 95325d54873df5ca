"""Normalised mean square error (NMSE): Zbontar et al. 2018, arXiv:1811.08839, section 6."""

import numpy as np


def nmse(reference: np.ndarray, image: np.ndarray) -> float:
    """Return ||x - r||^2 / ||r||^2 of a whole volume; 0 is best.

    Args:
        reference: r, not zero everywhere.
        image: x, the same shape and unit.
    """
    return float(np.sum((image - reference) ** 2) / np.sum(reference**2))
