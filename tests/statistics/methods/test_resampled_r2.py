"""R^2 in a draw against the table with its rows repeated."""

import numpy as np
import pytest

from stages.statistics.methods.bootstrap import cluster_draws
from stages.statistics.methods.regression import in_sample_r2
from stages.statistics.methods.resampled_r2 import r2_draws


def test_r2_of_a_draw_is_that_of_repeated_rows():
    generator = np.random.default_rng(2)
    base = generator.normal(size=(40, 3))
    x = np.column_stack([base, base @ [1.0, -2.0, 0.5], np.full(40, 0.1), base[:, 0] * 1e-4])
    y = base[:, 0] + generator.normal(size=40)
    weights = cluster_draws(np.arange(40) // 2, 20, generator)
    expected = [in_sample_r2(np.repeat(x, w, axis=0), np.repeat(y, w)) for w in weights]
    assert r2_draws(x, y, weights) == pytest.approx(expected, abs=1e-9)
    assert np.isnan(r2_draws(x, np.full(40, 3.0), weights)).all()
    assert r2_draws(np.full((40, 2), 0.3), y, weights) == pytest.approx(np.zeros(20), abs=1e-12)
    few = np.zeros((1, 40), dtype=int)
    few[0, :4] = 1
    assert np.isnan(r2_draws(x, y, few)).all()
