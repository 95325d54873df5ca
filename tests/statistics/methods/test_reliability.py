"""The noise ceiling against tabulated values and simulated ensembles."""

import numpy as np
import pytest

from stages.statistics.methods.reliability import noise_ceiling, sampling_variance
from stages.statistics.methods.variability import coefficient_of_variation


@pytest.mark.parametrize(("n", "expected"), [(11, 0.0553), (12, 0.0498), (15, 0.0384)])
def test_sampling_variance_is_tabulated(n, expected):
    assert sampling_variance(n) == pytest.approx(expected, abs=5e-5)


def test_sampling_variance_is_that_of_the_logarithm_of_a_deviation():
    draws = np.random.default_rng(0).normal(size=(100_000, 6))
    assert np.log(draws.std(axis=1, ddof=1)).var() == pytest.approx(sampling_variance(6), rel=0.02)


def test_ceiling_is_what_a_perfect_predictor_reaches():
    generator = np.random.default_rng(1)
    true = np.exp(generator.normal(np.log(0.02), 0.4, size=20_000))
    volumes = 1000 * (1 + true[:, None] * generator.normal(size=(20_000, 8)))
    log_cv = np.log(coefficient_of_variation(volumes))
    reached = np.corrcoef(np.log(true), log_cv)[0, 1] ** 2
    assert noise_ceiling(log_cv, 8) == pytest.approx(reached, abs=0.01)


def test_ceiling_within_structures_ignores_differences_between_them():
    generator = np.random.default_rng(2)
    structure = np.repeat(np.arange(16), 500)
    level = generator.normal(0, 1, size=16)[structure]
    log_cv = level + generator.normal(0, np.sqrt(2 * sampling_variance(11)), size=8000)
    assert noise_ceiling(log_cv, 11, structure) == pytest.approx(0.5, abs=0.03)
    assert noise_ceiling(log_cv, 11) > 0.85


def test_ceiling_is_never_negative_and_undefined_without_spread():
    assert noise_ceiling(np.array([0.0, 0.1, 0.2]), 2) == 0
    assert np.isnan(noise_ceiling(np.array([0.3]), 11))
    assert np.isnan(noise_ceiling(np.full(4, 0.3), 11))
    assert np.isnan(noise_ceiling(np.arange(4.0), 1))
    assert np.isnan(noise_ceiling(np.arange(4.0), 11, np.arange(4)))
