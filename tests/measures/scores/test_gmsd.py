"""GMSD: the definition with Prewitt's filters, and what must hold of any images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import convolve2d

from stages.measures.scores.gmsd import gmsd
from tests.measures.scores.slices import halves, pair

PREWITT = np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]]) / 3


def by_definition(reference: np.ndarray, image: np.ndarray) -> float:
    """Return the score of one slice."""
    sizes = [
        np.hypot(*(convolve2d(halves(each), k, mode="same") for k in (PREWITT, PREWITT.T)))
        for each in (reference, image)
    ]
    similar = (2 * sizes[0] * sizes[1] + 170) / (sizes[0] ** 2 + sizes[1] ** 2 + 170)
    return float(np.sqrt(np.mean((similar - similar.mean()) ** 2)))


@pytest.mark.parametrize("shape", [(3, 24, 32), (2, 21, 17), (1, 5, 30)])
@pytest.mark.parametrize("noise", [0.0, 4.0, 40.0])
def test_scores_are_those_of_the_definition(shape, noise):
    reference, image = pair(shape, noise)
    expected = [by_definition(*both) for both in zip(reference, image, strict=True)]
    np.testing.assert_allclose(gmsd(reference, image), expected, rtol=1e-10)


@given(seed=st.integers(0, 2**32 - 1))
def test_scores_are_deviations_of_fractions_and_the_same_in_either_order(seed):
    first, second = np.random.default_rng(seed).uniform(0, 255, (2, 2, 8, 10))
    found = gmsd(first, second)
    assert ((found >= 0) & (found <= 0.5)).all()
    np.testing.assert_allclose(found, gmsd(second, first), rtol=1e-12)
    np.testing.assert_allclose(gmsd(first, first), 0, atol=1e-15)


def test_more_noise_is_worse():
    found = [gmsd(*pair((2, 48, 48), noise)).mean() for noise in (1, 4, 16)]
    assert found == sorted(found)
