"""Numbers of the benchmark of the segmenter's spread, on draws whose law is known."""

import numpy as np
import pytest

from tests.benchmarks.segmenter_spread import row


def test_draws_like_the_truth_are_calibrated_and_draws_that_share_an_error_are_not():
    rng = np.random.default_rng(0)
    truth = rng.uniform(1000, 9000, (40, 200))
    alike = 1 + 0.05 * rng.normal(size=(40, 200, 5))
    level = 1 + 0.05 * rng.normal(size=(40, 200, 1))
    found = row(truth[..., None] * level * alike / alike.mean(), truth)
    assert found.n == 5
    assert found.spread == pytest.approx(5, rel=0.03)  # 40,000 draws: 0.4 %
    assert found.error == pytest.approx(5 * np.sqrt(1 + 1 / 5), rel=0.03)  # 8,000 pairs: 0.8 %
    assert found.ratio == pytest.approx(1.0, rel=0.03)
    assert abs(found.rank) < 0.05
    shared = row(truth[..., None] * 1.2 * alike, truth)
    assert shared.ratio < 0.4 and shared.error > 20


def test_a_spread_that_goes_with_the_error_has_its_rank():
    rng = np.random.default_rng(1)
    size = np.exp(rng.normal(size=(6, 100, 1)))
    volumes = 1000 * (1 + 0.02 * size * (1 + 0.1 * rng.normal(size=(6, 100, 4))))
    assert row(volumes, np.full((6, 100), 1000.0)).rank > 0.8
