"""Rank correlation over members against scipy and invariances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from stages.statistics.methods.member_ranks import correlations, permutation_p, ranks_within


@given(arrays(np.float64, (2, 9), elements=st.integers(0, 8).map(float)))
def test_pooled_correlation_is_scipys_spearman(pair):
    found = float(correlations(*pair, np.zeros(9), "pooled"))
    if np.ptp(pair[0]) == 0 or np.ptp(pair[1]) == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(stats.spearmanr(*pair).statistic, abs=1e-9)


@given(arrays(np.float64, 9, elements=st.floats(-9, 9)), st.floats(0.1, 5), st.floats(-5, 5))
def test_ranks_within_do_not_see_the_architecture(values, factor, shift):
    groups = np.repeat(["a", "b", "c"], 3)
    values = np.round(values, 3)
    ranks = ranks_within(values, groups)
    assert np.array([ranks[groups == g].sum() for g in "abc"]) == pytest.approx(0, abs=1e-12)
    moved = np.where(groups == "b", np.round(factor, 3) * values + 10 * shift, values)
    assert ranks_within(moved, groups) == pytest.approx(ranks)


def test_permutation_p_holds_its_level():
    rng = np.random.default_rng(0)
    groups = np.repeat(["a", "b", "c"], 6)
    p = np.array([permutation_p(*rng.normal(size=(2, 18)), groups, 99, rng) for _ in range(300)])
    assert np.mean(p <= 0.1) == pytest.approx(0.1, abs=0.05)
    assert p.min() >= 0.01
