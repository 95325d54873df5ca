"""How uncertain a coefficient of variation from few members is."""

from scipy.special import polygamma


def sampling_variance(n_members: int) -> float:
    """Return the variance of ln s of `n_members` normal draws, V_e = trigamma((M - 1) / 2) / 4.

    s^2 (M - 1) / sigma^2 is chi-squared with M - 1 degrees of freedom, and the variance of its
    logarithm is trigamma((M - 1) / 2) (Bartlett and Kendall 1946, Suppl. J. R. Stat. Soc. 8).
    """
    return float(polygamma(1, (n_members - 1) / 2.0)) / 4.0
