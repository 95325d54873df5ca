"""VIFp: the definition window by window, and what must hold of any images."""

import numpy as np
import pytest
from scipy.signal import convolve2d

from stages.measures.scores.vif import vif
from tests.measures.scores.slices import pair


def window(size: int) -> np.ndarray:
    """Return the two-dimensional Gaussian window of the authors' program."""
    y, x = np.mgrid[:size, :size] - size // 2
    weights = np.exp(-(x**2 + y**2) / (2 * (size / 5) ** 2))
    return weights / weights.sum()


def by_definition(reference: np.ndarray, image: np.ndarray) -> float:
    """Return the score of one slice, every window by itself."""
    kept = whole = 0.0
    for scale in (1, 2, 3, 4):
        size = 2 ** (4 - scale + 1) + 1
        kernel = window(size)
        if scale > 1:
            reference, image = (
                convolve2d(each, kernel, mode="valid")[::2, ::2] for each in (reference, image)
            )
        for i in range(reference.shape[0] - size + 1):
            for j in range(reference.shape[1] - size + 1):
                a, b = (each[i : i + size, j : j + size] for each in (reference, image))
                means = np.sum(kernel * a), np.sum(kernel * b)
                a, b = a - means[0], b - means[1]
                own, other, both = (np.sum(kernel * p) for p in (a * a, b * b, a * b))
                gain = both / own if own > 1e-10 else 0.0
                rest = other - gain * both if gain > 0 else other
                gain = max(gain, 0.0)
                kept += np.log10(1 + gain**2 * own / (max(rest, 0.0) + 2))
                whole += np.log10(1 + own / 2)
    return kept / whole


@pytest.mark.parametrize("noise", [0.5, 8.0, 60.0])
def test_scores_are_those_of_the_definition(noise):
    reference, image = pair((2, 43, 46), noise)
    expected = [by_definition(*both) for both in zip(reference, image, strict=True)]
    np.testing.assert_allclose(vif(reference, image), expected, rtol=1e-8)


def test_an_image_keeps_all_of_itself_and_contrast_adds():
    reference, _ = pair((2, 45, 41))
    np.testing.assert_allclose(vif(reference, reference), 1, rtol=1e-9)
    assert (vif(reference, 1.5 * reference) > 1).all()
    assert (vif(reference, 0.5 * reference) < 1).all()
    np.testing.assert_allclose(vif(reference, np.full_like(reference, 9.0)), 0, atol=1e-9)


def test_a_shift_of_the_intensities_changes_nothing():
    reference, image = pair((1, 48, 50))
    np.testing.assert_allclose(vif(reference + 32, image + 64), vif(reference, image), rtol=1e-8)


def test_more_noise_is_worse():
    found = [vif(*pair((1, 64, 64), noise)).mean() for noise in (1, 4, 16, 64)]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("shape", [(2, 40, 60), (2, 60, 40), (2, 16, 16), (3, 2, 50)])
def test_small_slices_have_no_score(shape):
    assert np.isnan(vif(*pair(shape))).tolist() == [True] * shape[0]


def test_constant_references_have_no_score():
    assert np.isnan(vif(np.zeros((1, 41, 41)), np.zeros((1, 41, 41)))).all()
