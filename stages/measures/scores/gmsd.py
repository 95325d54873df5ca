"""Gradient magnitude similarity deviation (GMSD).

Xue, Zhang, Mou and Bovik 2014, IEEE Trans. Image Process. 23, doi:10.1109/TIP.2013.2293423.
"""

import numpy as np

from stages.measures.scores.halved import halved

C = 170.0  # of intensities from 0 to 255, section III.C there
PREWITT = 3.0  # what the sums of the filter are divided by, equation 1 there


def gmsd(reference: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return GMSD of each slice; 0 is best.

    The SD (ddof = 0) over pixels of half the resolution of

        (2 m_r m_x + C) / (m_r^2 + m_x^2 + C),

    m the size of Prewitt's gradient; beyond the image is 0.

    Args:
        reference: (n, y, z), 0 to 255.
        image: (n, y, z).

    Returns:
        (n,).
    """
    first, second = (_squared_gradient(halved(slices)) for slices in (reference, image))
    similar = (2.0 * np.sqrt(first * second) + C) / (first + second + C)
    return np.asarray(similar.std(axis=(1, 2)))


def _squared_gradient(slices: np.ndarray) -> np.ndarray:
    around = np.pad(slices, ((0, 0), (1, 1), (1, 1)))
    rows = around[:, :-2] + around[:, 1:-1] + around[:, 2:]
    columns = around[:, :, :-2] + around[:, :, 1:-1] + around[:, :, 2:]
    along_z = rows[:, :, 2:] - rows[:, :, :-2]
    along_y = columns[:, 2:] - columns[:, :-2]
    return np.asarray((along_y**2 + along_z**2) / PREWITT**2)
