"""The sampling variance of ln s against tabulated values and simulated ensembles."""

import numpy as np
import pytest

from stages.statistics.methods.reliability import sampling_variance


@pytest.mark.parametrize(("n", "expected"), [(11, 0.0553), (12, 0.0498), (15, 0.0384)])
def test_sampling_variance_is_tabulated(n, expected):
    assert sampling_variance(n) == pytest.approx(expected, abs=5e-5)


def test_sampling_variance_is_that_of_the_logarithm_of_a_deviation():
    draws = np.random.default_rng(0).normal(size=(100_000, 6))
    assert np.log(draws.std(axis=1, ddof=1)).var() == pytest.approx(sampling_variance(6), rel=0.02)
