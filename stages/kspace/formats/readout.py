"""Readouts: from k-space to the image and back, and without oversampling."""

import numpy as np
import scipy.fft


def readout_image(kspace: np.ndarray, n_kept: int, axis: int, *, centred: bool) -> np.ndarray:
    """Return the middle `n_kept` positions of the image along one axis, complex64.

    Args:
        kspace: zero frequency at n // 2 of the axis.
        n_kept: positions of the field of view; the others are oversampling.
        axis: the readout.
        centred: whether the origin of the image is its middle, not index 0.
    """
    image = scipy.fft.ifft(scipy.fft.ifftshift(kspace, axes=axis), axis=axis, norm="ortho")
    if centred:
        image = scipy.fft.fftshift(image, axes=axis)
    first = image.shape[axis] // 2 - n_kept // 2
    return np.take(image, np.arange(first, first + n_kept), axis=axis)


def without_oversampling(
    kspace: np.ndarray, n_kept: int, axis: int, *, centred: bool
) -> np.ndarray:
    """Return k-space with `n_kept` positions along the readout, as if sampled at that distance.

    Arguments as of `readout_image`; without oversampling the values come back as they are.
    """
    if kspace.shape[axis] == n_kept:
        return kspace
    image = readout_image(kspace, n_kept, axis, centred=centred)
    if centred:
        image = scipy.fft.ifftshift(image, axes=axis)
    return scipy.fft.fftshift(scipy.fft.fft(image, axis=axis, norm="ortho"), axes=axis)
