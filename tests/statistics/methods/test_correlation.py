"""Correlations against scipy, and what pooling does to them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from stages.statistics.methods.correlation import (
    centre,
    centre_two_way,
    correlation_table,
    fisher_mean,
    pearson,
    spearman,
)

pairs = arrays(np.float64, (2, 8), elements=st.floats(-100, 100).map(lambda v: round(v, 3)))


@given(pairs)
def test_coefficients_are_scipys(pair):
    x, y = pair
    assume(np.ptp(x) > 0 and np.ptp(y) > 0)
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-6)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-6)


@given(pairs, st.floats(0.1, 10), st.floats(-5, 5))
def test_unit_and_origin_do_not_matter(pair, factor, shift):
    x, y = pair
    assume(np.ptp(x) > 0.1 and np.ptp(y) > 0.1)
    assert pearson(factor * x + shift, y) == pytest.approx(pearson(x, y), abs=1e-6)
    assert pearson(-x, y) == pytest.approx(-pearson(x, y), abs=1e-9)


def test_undefined_for_two_points_or_a_constant():
    assert np.isnan(pearson(np.array([1.0, 2.0]), np.array([3.0, 1.0])))
    assert np.isnan(pearson(np.full(5, 0.1), np.arange(5.0)))
    assert np.isnan(spearman(np.arange(5.0), np.full(5, 0.1)))


def test_fisher_mean_by_hand():
    expected = np.tanh((np.arctanh(0.5) + np.arctanh(-0.2)) / 2)
    assert fisher_mean(np.array([0.5, np.nan, -0.2]), 10) == pytest.approx(expected)
    assert np.isnan(fisher_mean(np.array([np.nan]), 10))


def test_fisher_mean_of_perfect_ranks_is_finite_and_below_one():
    # with four scans the rank correlations below 1 start at 0.8
    assert fisher_mean(np.array([1.0]), 4) == pytest.approx(0.9)
    assert fisher_mean(np.array([1.0, -1.0]), 4) == pytest.approx(0)


@given(arrays(np.float64, (12, 2), elements=st.floats(-10, 10)))
def test_centred_groups_have_no_mean(values):
    groups = np.repeat(["b", "a", "c"], 4)
    centred = centre(values, groups)
    for name in "abc":
        assert centred[groups == name].mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert centre(values[:, 0], groups) == pytest.approx(centred[:, 0])


def simpson() -> pd.DataFrame:
    """Return three structures: slope -1 within each, strongly positive over all."""
    offset = np.repeat([-6.12, 0.0, 6.12], 3)
    step = np.tile([-1.0, 0.0, 1.0], 3)
    structure = np.repeat(["a", "b", "c"], 3)
    subject = np.tile(["s", "t", "u"], 3)
    columns = {"structure": structure, "subject": subject, "x": offset + step, "y": offset - step}
    return pd.DataFrame(columns)


def test_simpsons_paradox():
    table = correlation_table(simpson(), ["x"], "y").set_index("scope")["pearson"]
    assert table["within_structure"] == pytest.approx(-1)
    assert table["pooled"] == pytest.approx(0.948, abs=5e-4)
    assert [table[k] for k in "abc"] == pytest.approx([-1, -1, -1])
    # nothing but effects of structure and scan
    assert np.isnan(table["two_way"])


def test_table_has_each_scope_of_each_predictor():
    data = simpson().assign(z=lambda t: t["x"] ** 2)
    table = correlation_table(data, ["x", "z"], "y")
    scopes = ["a", "b", "c", "per_structure_mean", "pooled", "within_structure", "two_way"]
    assert table["scope"].tolist() == scopes * 2
    assert table["n"].tolist() == [3, 3, 3, 3, 9, 9, 9] * 2


@given(arrays(np.float64, (4, 5), elements=st.floats(-10, 10)))
def test_two_way_centring_of_a_complete_table_is_the_textbooks(values):
    rows, columns = (index.ravel() for index in np.indices(values.shape))
    expected = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    assert centre_two_way(values.ravel(), rows, columns) == pytest.approx(
        expected.ravel(), abs=1e-9
    )


def test_two_way_centring_of_an_incomplete_table_solves_the_normal_equations():
    generator = np.random.default_rng(0)
    kept = generator.random((6, 7)) < 0.7
    rows, columns = np.nonzero(kept)
    values = generator.normal(size=(len(rows), 2))
    residual = centre_two_way(values, rows, columns)
    for labels in (rows, columns):
        for label in np.unique(labels):
            assert residual[labels == label].sum(axis=0) == pytest.approx([0, 0], abs=1e-9)
    additive = 100.0 + rows**2 - np.sqrt(columns)
    assert (centre_two_way(additive, rows, columns) == 0).all()
    assert centre_two_way(values[:, 0] + additive, rows, columns) == pytest.approx(residual[:, 0])


def test_two_way_with_one_degree_of_freedom_is_undefined():
    pairs = {"structure": list("aabb"), "subject": list("stst")}
    data = pd.DataFrame({**pairs, "x": [1.0, 2.0, 3.0, 7.0], "y": [2.0, 1.0, 4.0, 9.0]})
    table = correlation_table(data, ["x"], "y").set_index("scope")
    assert table.loc["two_way", ["pearson", "spearman"]].isna().all()
