"""The segmenter's own variation: the same image, placed otherwise on the voxel grid.

Where a head comes to lie between two voxels is random and tells nothing about it. Segmenting
shifted copies shows how much of a volume's variation is the segmenter's, not the reconstruction's.
"""

from dataclasses import replace

import numpy as np
import scipy.fft

from stages.segmenters.image import Image


def shifted(image: Image, offset: np.ndarray) -> Image:
    """Move the content of an image by a part of a voxel, by the Fourier shift theorem.

    F'(k) = F(k) exp(-2 pi i k offset): no smoothing, as interpolation would; the image is taken as
    periodic. The affine moves along, so that everything stays where it is in the world.

    Args:
        image: data (i, j, k).
        offset: (3,) in voxels.
    """
    spectrum = scipy.fft.rfftn(image.data)
    for axis, (n, part) in enumerate(zip(image.data.shape, offset, strict=True)):
        last = axis == image.data.ndim - 1
        frequency = scipy.fft.rfftfreq(n) if last else scipy.fft.fftfreq(n)
        phase = np.exp(-2j * np.pi * frequency * part)
        if n % 2 == 0:
            phase[n // 2] = np.cos(np.pi * part)  # half of either sign: the image stays real
        spectrum *= phase.reshape([-1 if a == axis else 1 for a in range(3)])
    data = scipy.fft.irfftn(spectrum, s=image.data.shape)
    matrix = image.affine.copy()
    matrix[:3, 3] -= matrix[:3, :3] @ offset
    return replace(image, data=data, affine=matrix)


def draw_offset(largest: float, rng: np.random.Generator) -> np.ndarray:
    """Return an offset along each axis, uniform in [-largest, largest] voxels."""
    return rng.uniform(-largest, largest, 3)
