r"""Fourier transforms in the convention of the Calgary-Campinas files.

The files hold `fftshift(fft2(coil_image))` with the zero frequency at (n_ky // 2, n_kz // 2) and no
shift in image space. The plain inverse transform without any shift (DIRECT's `centered=False`) puts
the head where it belongs; the coil images keep a (-1)^(y+z) phase (even sizes), which modulus,
root sum of squares and measured sensitivities take out.

Files of other software (fastMRI, BART) hold centred transforms, `fftshift(fft2(ifftshift(image)))`:
`origin_phase` turns them into these.
"""

import numpy as np
import scipy.fft

PLANE = (-2, -1)  # (ky, kz)


def to_image(kspace: np.ndarray) -> np.ndarray:
    """Return coil images (..., y, z) of k-space (..., n_ky, n_kz) up to the checkerboard phase."""
    return scipy.fft.ifft2(kspace, axes=PLANE, norm="ortho")


def to_kspace(image: np.ndarray) -> np.ndarray:
    """Return k-space as in the files, (..., n_ky, n_kz), of true coil images (..., y, z)."""
    return scipy.fft.fftshift(scipy.fft.fft2(image, axes=PLANE, norm="ortho"), axes=PLANE)


def origin_phase(matrix: tuple[int, int]) -> np.ndarray:
    """Return the factors (n_ky, n_kz), complex64, that move the origin of an image to index 0.

    A centred transform has its origin at n // 2 of each axis: position j is to be multiplied by
    exp(-2 pi i (j - n // 2) (n // 2) / n), which for even n is 1 and -1 in turn.
    """
    factors = []
    for n in matrix:
        turns = (np.arange(n) - n // 2) * (n // 2) % n / n
        exact = np.where(turns == 0.5, -1, np.exp(-2j * np.pi * turns))  # the halves exactly
        factors.append(exact.astype(np.complex64))
    return np.outer(*factors)
