"""Weighted medians and means are those of repeated values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.statistics.methods.weighted_summaries import weighted_means, weighted_medians


@given(
    arrays(np.float64, (3, 7), elements=st.floats(0, 10) | st.just(np.nan)),
    arrays(np.int64, (4, 7), elements=st.integers(0, 3)),
)
def test_weighted_medians_are_medians_of_repeated_values(values, weights):
    found = weighted_medians(values, weights)
    for d, weight in enumerate(weights):
        for r, row in enumerate(values):
            repeated = np.repeat(row, weight)
            repeated = repeated[np.isfinite(repeated)]
            expected = np.median(repeated) if len(repeated) else np.nan
            assert found[d, r] == pytest.approx(expected, nan_ok=True)


def test_weighted_means_are_means_of_repeated_values():
    values = np.random.default_rng(0).normal(size=(3, 4))
    found = weighted_means(values, np.array([[2, 0, 1, 1]]))
    assert found[0] == pytest.approx(np.repeat(values, [2, 0, 1, 1], axis=1).mean(axis=1))
