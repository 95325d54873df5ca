"""Coil images whose phase is smooth, and one image of them without the bias of noise."""

import numpy as np
import scipy.fft
from scipy import ndimage

from stages.kspace.fourier import PLANE

PHASE_VOXELS = 2.0
"""Width (SD) in the plane over which the phase of coil images hardly changes, in voxels."""


def centred_images(kspace: np.ndarray) -> np.ndarray:
    """Return coil images (..., y, z) of k-space as in the files, their phase without checkerboard.

    The inverse of `stages.kspace.fourier.to_kspace`.
    """
    shifted = scipy.fft.ifftshift(kspace, axes=PLANE)
    return scipy.fft.ifft2(shifted, axes=PLANE, norm="ortho")


def smoothed(images: np.ndarray, width: float) -> np.ndarray:
    """Return complex images (slices, n_coils, y, z) smoothed in the plane; `width`: SD, voxels."""
    widths = (0, 0, width, width)
    result = np.empty(images.shape, np.complex64)
    result.real = ndimage.gaussian_filter(images.real, widths)
    result.imag = ndimage.gaussian_filter(images.imag, widths)
    return result


def coherent_image(kspace: np.ndarray) -> np.ndarray:
    r"""Return the real part of coil images along their smooth phase, (slices, y, z), float32.

    :math:`\mathrm{Re} \sum_j \overline{s_j} x_j`, s = G x / |G x|: noise has no mean in it, so that
    CSF is as dark as it is. The root of the sum of squares makes it brighter (Gudbjartsson
    1995, doi:10.1002/mrm.1910340618).

    Args:
        kspace: (slices, n_coils, n_ky, n_kz), files' convention.
    """
    images = centred_images(kspace)
    smooth = smoothed(images, PHASE_VOXELS)
    size = np.sqrt(np.square(np.abs(smooth)).sum(axis=1))
    combined = (smooth.conj() * images).real.sum(axis=1)
    return (combined / np.maximum(size, np.finfo(np.float32).tiny)).astype(np.float32)
