"""Visual information fidelity in the pixel domain (VIFp).

Sheikh and Bovik 2006, IEEE Trans. Image Process. 15, doi:10.1109/TIP.2005.859378, and the
authors' multi-scale variant for pixels: Gaussian windows take the place of wavelet coefficients.
"""

import numpy as np
from scipy.ndimage import correlate1d

WINDOWS = (17, 9, 5, 3)  # pixels of the window at each scale, 2^(4 - scale + 1) + 1
WIDTH = 1 / 5  # SD of a window over its pixels
NOISE = 2.0  # variance of the visual noise, of intensities from 0 to 255
NONE = 1e-10  # variances below it are no signal


def vif(reference: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return VIFp of each slice, 1 for the reference itself; more contrast can exceed it.

    In each window the image is g times the reference plus noise of variance v, and

        VIFp = sum log(1 + g^2 var / (v + NOISE)) / sum log(1 + var / NOISE)

    over the windows of four scales, var the variance of the reference in a window.

    Args:
        reference: (n, y, z), 0 to 255.
        image: (n, y, z).

    Returns:
        (n,), NaN where the reference is constant, and where slices have less than 41 pixels along
        an axis: the fourth scale then has no window.
    """
    kept, whole = np.zeros(len(reference)), np.zeros(len(reference))
    for scale, size in enumerate(WINDOWS):
        if scale > 0:
            reference, image = (
                _windowed(slices, size)[:, ::2, ::2] for slices in (reference, image)
            )
        if min(reference.shape[1:]) < size:
            return np.full(len(kept), np.nan)
        own, of_reference = _information(reference, image, size)
        kept += own
        whole += of_reference
    return kept / np.where(whole > 0, whole, np.nan)


def _information(
    reference: np.ndarray, image: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the information in image and reference of each slice, (n,) nats at one scale."""
    first, second = (_windowed(slices, size) for slices in (reference, image))
    variance = np.maximum(_windowed(reference**2, size) - first**2, 0.0)
    other = np.maximum(_windowed(image**2, size) - second**2, 0.0)
    together = _windowed(reference * image, size) - first * second
    known = variance >= NONE
    variance = np.where(known, variance, 0.0)
    gain = np.where(known & (other >= NONE), together / np.where(known, variance, 1.0), 0.0)
    rest = np.where(gain > 0, np.maximum(other - gain * together, NONE), other)
    gain = np.maximum(gain, 0.0)
    kept = np.log1p(gain**2 * variance / (rest + NOISE))
    whole = np.log1p(variance / NOISE)
    return kept.sum(axis=(1, 2)), whole.sum(axis=(1, 2))


def _windowed(slices: np.ndarray, size: int) -> np.ndarray:
    """Return the Gaussian mean of each window that lies within the slice, (n, y, z) less size - 1.

    Slices smaller than the window have none: the result is empty.
    """
    reach = size // 2
    window = np.exp(-(np.arange(-reach, reach + 1.0) ** 2) / (2 * (size * WIDTH) ** 2))
    window /= window.sum()
    if min(slices.shape[1:]) < size:
        return np.zeros((len(slices), 0, 0))
    rows = correlate1d(slices, window, axis=1, mode="constant")[:, reach:-reach]
    return np.asarray(correlate1d(rows, window, axis=2, mode="constant")[:, :, reach:-reach])
