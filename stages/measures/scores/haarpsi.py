"""Haar wavelet-based perceptual similarity index (HaarPSI).

Reisenhofer, Bosse, Kutyniok and Wiegand 2018, Signal Process. Image Commun. 61,
doi:10.1016/j.image.2017.11.001. Filters of 2^j pixels reach from 2^(j-1) - 1 before a pixel to
2^(j-1) behind it; beyond the image is 0.
"""

import numpy as np

from stages.measures.scores.halved import halved

C = 30.0  # of intensities from 0 to 255, section 3.1 there
ALPHA = 4.2  # section 3.1 there
SIMILAR, WEIGHING = (2, 4), 8  # pixels: similarity of the scales j = 1, 2; weights of j = 3
BEFORE, BEHIND = WEIGHING // 2 - 1, WEIGHING // 2  # pixels that the largest filter reaches

type Coefficients = tuple[np.ndarray, np.ndarray]
"""|g * f| of a horizontal and of a vertical edge, (n, y, z) each."""


def haarpsi(reference: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return HaarPSI of each slice, 0 to 1, 1 is best.

    With l(x) = 1 / (1 + exp(-alpha x)), similarities s = (2 a b + C) / (a^2 + b^2 + C) of the
    coefficients' sizes and their mean over two scales,

        HaarPSI = (l^-1(sum w l(mean s) / sum w))^2,

    over pixels and both directions, w the larger coefficient of the third scale.

    Args:
        reference: (n, y, z), 0 to 255.
        image: (n, y, z).

    Returns:
        (n,), NaN where both slices are constant at 0.
    """
    first, second = (_haar(halved(slices)) for slices in (reference, image))
    weighted, weights = np.zeros(len(reference)), np.zeros(len(reference))
    for direction in (0, 1):
        similar = [_similarity(first[m][direction], second[m][direction]) for m in SIMILAR]
        local = _logistic(np.mean(similar, axis=0))
        weight = np.maximum(first[WEIGHING][direction], second[WEIGHING][direction])
        weighted += np.sum(local * weight, axis=(1, 2))
        weights += np.sum(weight, axis=(1, 2))
    mean = weighted / np.where(weights > 0, weights, np.nan)
    return np.asarray((np.log(mean / (1.0 - mean)) / ALPHA) ** 2)


def _similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray((2.0 * a * b + C) / (a * a + b * b + C))


def _logistic(values: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-ALPHA * values)))


def _haar(slices: np.ndarray) -> dict[int, Coefficients]:
    """Return the coefficients of filters of 2, 4 and 8 pixels, 2^-j times differences of sums."""
    n_y, n_z = slices.shape[1:]
    sums = np.pad(slices, ((0, 0), (BEFORE, BEHIND), (BEFORE, BEHIND)))
    found, half = {}, 1
    for width in (*SIMILAR, WEIGHING):
        # sums of half x half pixels, from the first of a filter and from its middle
        start = [BEFORE - half + 1, BEFORE + 1]
        (a, b), (c, d) = ([sums[:, i : i + n_y, j : j + n_z] for j in start] for i in start)
        found[width] = (
            np.abs((a + b) - (c + d)) / width,
            np.abs((a + c) - (b + d)) / width,
        )
        rows = sums[:, :-half] + sums[:, half:]
        sums, half = rows[:, :, :-half] + rows[:, :, half:], width
    return found
