"""Combination of coil images to one image: root of the sum of squares."""

import numpy as np

from stages.kspace.fourier import to_image


def root_sum_of_squares(coil_images: np.ndarray, axis: int = -3) -> np.ndarray:
    r"""Return :math:`\sqrt{\sum_c |x_c|^2}` over the coil axis, real, (..., y, z)."""
    # the squares of re and im avoid the square root that np.abs would take and undo
    power = np.square(coil_images.real) + np.square(coil_images.imag)
    return np.sqrt(power.sum(axis=axis))


def rss_image(kspace: np.ndarray) -> np.ndarray:
    """Return the root-sum-of-squares image (..., y, z) of k-space (..., n_coils, n_ky, n_kz)."""
    return root_sum_of_squares(to_image(kspace))
