"""How well white and grey matter are told apart in one image: CNR and CJV.

Both are of the tissues of one segmentation, that of the fully sampled scan, so that they judge the
image and not its own segmentation.
"""

import numpy as np


def cnr(white: np.ndarray, grey: np.ndarray) -> float:
    """Return the contrast-to-noise ratio |m_w - m_g| / sqrt(v_w + v_g); larger is better.

    Magnotta and Friedman 2006, J. Digit. Imaging 19, doi:10.1007/s10278-006-0264-x. The variance of
    air is left out: no label map has air, and undersampled reconstruction suppresses its noise.

    Args:
        white: (n,) intensities in white matter.
        grey: (n,) intensities in grey matter.

    Returns:
        NaN where a tissue is absent or both are constant.
    """
    difference, variances = _moments(white, grey)
    noise = float(np.sqrt(variances.sum()))
    return difference / noise if noise > 0 else float("nan")


def cjv(white: np.ndarray, grey: np.ndarray) -> float:
    """Return the coefficient of joint variation (s_w + s_g) / |m_w - m_g|; smaller is better.

    Ganzetti, Wenderoth and Mantini 2016, Front. Neuroinform. 10, doi:10.3389/fninf.2016.00010.

    Args:
        white: (n,) intensities in white matter.
        grey: (n,) intensities in grey matter.

    Returns:
        NaN where a tissue is absent or both have the same mean.
    """
    difference, variances = _moments(white, grey)
    return float(np.sqrt(variances).sum()) / difference if difference > 0 else float("nan")


def _moments(white: np.ndarray, grey: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the distance of the means and both variances, ddof = 0; NaN without voxels."""
    if not len(white) or not len(grey):
        return float("nan"), np.full(2, np.nan)
    return float(np.abs(white.mean() - grey.mean())), np.array([white.var(), grey.var()])
