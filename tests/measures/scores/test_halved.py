"""Half the resolution, even and odd sizes."""

import numpy as np
import pytest

from stages.measures.scores.halved import halved
from tests.measures.scores.slices import halves


@pytest.mark.parametrize("shape", [(2, 6, 8), (3, 7, 4), (1, 5, 5), (1, 1, 1)])
def test_means_are_those_of_the_loop(shape):
    slices = np.random.default_rng(0).random(shape)
    np.testing.assert_allclose(halved(slices), [halves(each) for each in slices], rtol=1e-14)
