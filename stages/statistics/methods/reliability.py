"""How much of the variability of a noisy target any predictor could explain."""

import numpy as np
from scipy.special import polygamma

from stages.statistics.methods.correlation import centre


def sampling_variance(n_members: int) -> float:
    """Return the variance of ln s of `n_members` normal draws, V_e = trigamma((M - 1) / 2) / 4.

    s^2 (M - 1) / sigma^2 is chi-squared with M - 1 degrees of freedom, and the variance of its
    logarithm is trigamma((M - 1) / 2) (Bartlett and Kendall 1946, Suppl. J. R. Stat. Soc. 8).
    """
    return float(polygamma(1, (n_members - 1) / 2.0)) / 4.0


def noise_ceiling(log_cv: np.ndarray, n_members: int, groups: np.ndarray | None = None) -> float:
    """Return the reliability of ln CV, the R^2 that a perfect predictor would reach.

    rho = 1 - V_e / Var(ln CV), not below 0: a coefficient of variation from few members is itself
    uncertain, and that part of its variance cannot be predicted.

    Args:
        log_cv: (n,) natural logarithms.
        n_members: members each CV comes from.
        groups: (n,) structures; the variance within them when given, otherwise over all points.

    Returns:
        0 to 1; NaN if the variance is undefined or zero.
    """
    log_cv = np.asarray(log_cv, dtype=np.float64)
    labels = np.zeros(len(log_cv)) if groups is None else np.asarray(groups)
    free = len(log_cv) - len(np.unique(labels))
    if free < 1 or n_members < 2:
        return float("nan")
    variance = float(np.sum(centre(log_cv, labels) ** 2)) / free
    return max(0.0, 1.0 - sampling_variance(n_members) / variance) if variance > 0 else float("nan")
