"""Partial Fourier: how many kz columns of the matrix were acquired."""

from fractions import Fraction
from math import ceil


def acquired_columns(partial_fourier: float, n_kz: int) -> int:
    """Return how many of the n_kz columns were acquired, rounded up as DIRECT and the challenge do.

    The fraction is taken as it is written: .56 of 200 columns are 112, though the product of the
    floating-point numbers lies above 112.
    """
    return ceil(Fraction(repr(float(partial_fourier))) * n_kz)
