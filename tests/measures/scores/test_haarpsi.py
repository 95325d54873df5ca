"""HaarPSI: the definition with whole filters, slice by slice, and what must hold of any images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import convolve2d
from scipy.special import expit, logit

from stages.measures.scores.haarpsi import haarpsi
from tests.measures.scores.slices import halves, pair

SMALL = st.integers(0, 2**32 - 1)


def by_definition(reference: np.ndarray, image: np.ndarray) -> float:
    """Return the score of one slice, by convolution with the filters themselves."""
    sums = np.zeros(2)
    small = [halves(each) for each in (reference, image)]
    for turned in (False, True):
        found = []
        for j in (1, 2, 3):
            kernel = np.ones((2**j, 2**j)) / 2**j
            kernel[: 2 ** (j - 1)] *= -1
            kernel = kernel.T if turned else kernel
            before = 2 ** (j - 1)  # what the centre of MATLAB's "same" leaves out
            rows, columns = small[0].shape
            full = [convolve2d(each, kernel) for each in small]
            found.append(
                [np.abs(f[before : before + rows, before : before + columns]) for f in full]
            )
        similar = [(2 * a * b + 30) / (a**2 + b**2 + 30) for a, b in found[:2]]
        weight = np.max(found[2], axis=0)
        sums += [np.sum(expit(4.2 * np.mean(similar, axis=0)) * weight), np.sum(weight)]
    return float((logit(sums[0] / sums[1]) / 4.2) ** 2)


@pytest.mark.parametrize("shape", [(3, 24, 32), (2, 21, 17), (1, 9, 30)])
@pytest.mark.parametrize("noise", [0.0, 4.0, 40.0])
def test_scores_are_those_of_the_definition(shape, noise):
    reference, image = pair(shape, noise)
    expected = [by_definition(*both) for both in zip(reference, image, strict=True)]
    np.testing.assert_allclose(haarpsi(reference, image), expected, rtol=1e-11)


def test_an_image_is_like_itself():
    reference, _ = pair((2, 20, 20))
    np.testing.assert_allclose(haarpsi(reference, reference), 1, rtol=1e-12)


@given(seed=SMALL)
def test_scores_are_fractions_and_the_same_in_either_order(seed):
    first, second = np.random.default_rng(seed).uniform(0, 255, (2, 2, 12, 10))
    found = haarpsi(first, second)
    assert ((found >= 0) & (found < 1)).all()
    np.testing.assert_allclose(found, haarpsi(second, first), rtol=1e-12)
    turned = haarpsi(first.swapaxes(1, 2), second.swapaxes(1, 2))
    np.testing.assert_allclose(found, turned, rtol=1e-12)


def test_more_noise_is_worse():
    found = [haarpsi(*pair((2, 32, 32), noise)).mean() for noise in (1, 4, 16, 64)]
    assert found == sorted(found, reverse=True)


def test_blank_slices_have_no_score():
    reference, image = pair((2, 12, 12))
    reference[0] = image[0] = 0
    assert np.isnan(haarpsi(reference, image)).tolist() == [True, False]
