"""Bias and its size against hand calculations."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.statistics.methods.bias import (
    absolute_bias,
    absolute_bias_table,
    bias,
    bias_of_ratios,
    bias_table,
    median_absolute_bias,
    structure_biases,
)
from tests.statistics.methods.test_variability import tidy

volumes = arrays(np.float64, st.integers(1, 15), elements=st.floats(10, 1e6))


def test_bias_by_hand():
    assert bias(np.array([95.0, 97.0, 99.0]), 100.0) == pytest.approx(-3.0)


def test_without_a_reference_volume_there_is_no_bias():
    assert np.isnan(bias(np.array([1.0, 2.0]), 0.0))


@given(volumes, st.floats(10, 1e6))
def test_the_bias_of_ratios_is_the_bias_but_for_rounding(values, reference):
    expected = pytest.approx(float(bias(values, reference)), rel=1e-9, abs=1e-9)
    assert float(bias_of_ratios(values / reference)) == expected


@given(volumes, st.floats(10, 1e6))
def test_the_absolute_bias_is_that_of_each_member_alone(values, reference):
    alone = [abs(float(bias(np.array([value]), reference))) for value in values]
    assert absolute_bias(values, reference).tolist() == alone


def test_a_table_holds_one_row_a_pair_in_order_of_appearance():
    pairs = {("b", "s1"): [98, 100, 102], ("a", "s1"): [95, 97, 99], ("b", "s2"): [0, 0, 0]}
    reference = pd.DataFrame(
        {"subject": ["s1", "s1"], "structure": ["a", "b"], "volume_mm3": [100.0, 50.0]}
    )
    found = bias_table(tidy(pairs), reference)
    assert list(zip(found["structure"], found["subject"], strict=True)) == list(pairs)
    assert found["bias"].to_numpy() == pytest.approx([100.0, -3.0, np.nan], nan_ok=True)


def test_the_size_of_a_group_is_the_median_over_structures_of_the_medians_over_scans():
    table = pd.DataFrame(
        {
            "group": "g",
            "structure": ["a", "a", "a", "b", "c"],
            "bias": [-8.0, -6.0, np.nan, 1.0, 3.0],
        }
    )
    found = structure_biases(table, "g")
    assert found == {"a": -7.0, "b": 1.0, "c": 3.0}
    assert median_absolute_bias(found) == 3.0
    assert structure_biases(table, "unknown") == {}
    assert np.isnan(median_absolute_bias({}))


def test_the_size_of_a_bias_is_that_of_the_mean_over_members():
    table = tidy({("caudate", "s0"): [90.0, 106.0], ("caudate", "s1"): [103.0, 103.0]})
    reference = pd.DataFrame(
        {"subject": ["s0", "s1"], "structure": "caudate", "volume_mm3": [100.0, 100.0]}
    )
    assert absolute_bias_table(table, reference)["absolute_bias"].tolist() == pytest.approx([2, 3])
