"""EFC: closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.measures.scores.entropy_focus import entropy_focus


@given(n_bright=st.integers(1, 30), size=st.floats(0.01, 1000))
def test_equal_bright_pixels(n_bright, size):
    image = np.zeros((1, 5, 6))
    image.flat[:n_bright] = size
    expected = np.sqrt(n_bright) * np.log(n_bright) / (np.sqrt(30) * np.log(30))
    assert entropy_focus(image)[0] == pytest.approx(expected, abs=1e-13)


def test_slices_are_by_themselves():
    image = np.random.default_rng(0).standard_normal((3, 4, 5))
    each = [entropy_focus(part[None])[0] for part in image]
    np.testing.assert_allclose(entropy_focus(image), each, rtol=1e-13)
    image[1] = 0
    assert np.isnan(entropy_focus(image)).tolist() == [False, True, False]
