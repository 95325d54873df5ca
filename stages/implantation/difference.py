r"""The k-space of what a disease changes, added to what was measured.

Coil images :math:`x_j` are multiplied by the real contrast field c: k-space of
:math:`x_j (c - 1)` is added, at acquired positions alone. All else, the noise of every k-space
sample among it, stays. So that the noise of the lesion stays as well,

.. math:: x_j (c - 1) = D \frac{x_j}{S} \approx D \frac{G x_j}{G S}

with the signal S of healthy tissue and D, what is added to it: x_j / S is the product of coil
sensitivity, phase and receive field, smooth over a head, so that a Gaussian G takes the noise out.
The noise of the lesion then has an SD of 0.95 (c = 0.2) to 0.97 (c = 0.6) of the scan's, not of c.
"""

import numpy as np
from scipy import ndimage

from stages.implantation.coil_images import centred_images, smoothed
from stages.implantation.contrast_field import ContrastField
from stages.kspace.fourier import to_kspace

SMOOTHING = 1.5
"""SD of G in the plane, voxels of the scan: leaves 1 / (2 sqrt(pi) SD) = 19 % of the noise's SD."""


def modulation(images: np.ndarray, healthy: np.ndarray, smoothing: float = SMOOTHING) -> np.ndarray:
    """Return G x / G S of coil images (n_slices, n_coils, y, z), complex64 of their shape.

    Args:
        images: of all coils, their phase smooth.
        healthy: S (n_slices, y, z), above 0.
        smoothing: SD of G in voxels; 0: none, x / S.
    """
    if not smoothing:
        return images / healthy[:, None]
    below = ndimage.gaussian_filter(healthy, (0, smoothing, smoothing))
    return smoothed(images, smoothing) / below[:, None]


def difference_kspace(
    kspace: np.ndarray,
    field: ContrastField,
    start: int,
    acquired: np.ndarray,
    smoothing: float = SMOOTHING,
) -> np.ndarray:
    """Return what is added to k-space, complex64 of its shape, zero where nothing was acquired.

    Args:
        kspace: of consecutive slices, complex64 (slices, n_coils, n_ky, n_kz), as measured.
        field: of the whole scan.
        start: index of the first of the slices.
        acquired: positions (n_ky, n_kz), bool.
        smoothing: as in `modulation`.
    """
    here = slice(start, start + len(kspace))
    factors = modulation(centred_images(kspace), field.healthy[here], smoothing)
    return to_kspace(factors * field.difference[here][:, None]).astype(np.complex64) * acquired
