"""Coefficients of variation against hand calculations, scipy and invariances."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from stages.statistics.methods.variability import (
    FEW_TO_MAD,
    c4,
    coefficient_of_variation,
    corrected_cv,
    cv_table,
    medians,
    robust_cv,
)

volumes = arrays(np.float64, st.integers(2, 15), elements=st.floats(10, 1e6))


@pytest.mark.parametrize(
    ("values", "expected"),
    [([98, 100, 102], 2.0), ([4000, 4040, 3960, 4000], 0.816497), ([5, 5, 5], 0.0)],
)
def test_coefficient_of_variation_by_hand(values, expected):
    assert coefficient_of_variation(np.array(values)) == pytest.approx(expected, abs=1e-6)


@given(volumes)
def test_coefficient_of_variation_is_scipys_variation(values):
    expected = 100 * stats.variation(values, ddof=1)
    assert coefficient_of_variation(values) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(volumes, st.randoms(use_true_random=False), st.floats(0.01, 100))
def test_order_and_unit_of_the_members_do_not_matter(values, random, factor):
    shuffled = list(values)
    random.shuffle(shuffled)
    for statistic in (coefficient_of_variation, corrected_cv, robust_cv):
        expected = pytest.approx(float(statistic(values)), rel=1e-6, abs=1e-6)
        assert float(statistic(np.array(shuffled))) == expected
        assert float(statistic(values * factor)) == expected


@given(st.floats(1, 1e6), st.integers(2, 15))
def test_identical_members_do_not_vary(volume, n_members):
    for statistic in (coefficient_of_variation, corrected_cv, robust_cv):
        assert float(statistic(np.full(n_members, volume))) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("n_members", [4, 11, 15])
def test_one_outlier_of_d_gives_a_deviation_of_d_by_root_m(n_members):
    values = np.full(n_members, 1000.0)
    values[-1] += 100
    expected = 100 * (100 / np.sqrt(n_members)) / values.mean()
    assert coefficient_of_variation(values) == pytest.approx(expected)
    assert robust_cv(values) == 0


@pytest.mark.parametrize(("n", "expected"), [(2, 0.7979), (11, 0.9754), (12, 0.9776), (15, 0.9823)])
def test_c4_is_the_tabulated_constant(n, expected):
    assert c4(n) == pytest.approx(expected, abs=5e-5)


def test_corrected_cv_has_no_bias_with_few_normal_members():
    draws = np.random.default_rng(0).normal(1000, 20, size=(40_000, 4))
    assert coefficient_of_variation(draws).mean() < 1.87
    assert corrected_cv(draws).mean() == pytest.approx(2.0, abs=0.015)


@given(volumes)
def test_robust_cv_is_scipys_median_absolute_deviation(values):
    deviation = stats.median_abs_deviation(values, scale="normal")
    few = FEW_TO_MAD.get(len(values), len(values) / (len(values) - 0.8))
    assert robust_cv(values) == pytest.approx(100 * few * deviation / np.median(values), abs=1e-9)


@pytest.mark.parametrize("n_members", [2, 3, 4, 5, 8, 12])
def test_robust_cv_has_no_bias_with_few_normal_members(n_members):
    draws = np.random.default_rng(0).normal(1000, 20, size=(60_000, n_members))
    assert robust_cv(draws).mean() == pytest.approx(2.0, abs=0.03)


def test_undefined_cells_are_nan_not_numbers():
    assert np.isnan(coefficient_of_variation(np.zeros(3)))
    assert np.isnan(coefficient_of_variation(np.array([7.0])))
    assert np.isnan(corrected_cv(np.array([7.0])))
    assert np.isnan(robust_cv(np.zeros(3)))


def tidy(values: dict[tuple[str, str], list[float]]) -> pd.DataFrame:
    rows = [
        ("unet", m, subject, structure, volume)
        for (structure, subject), members in values.items()
        for m, volume in enumerate(members)
    ]
    return pd.DataFrame(rows, columns=["group", "member", "subject", "structure", "volume_mm3"])


def test_tables_hold_one_row_a_cell_in_order_of_appearance():
    pairs = {("b", "s1"): [98, 100, 102], ("a", "s1"): [95, 97, 99], ("b", "s2"): [0, 0, 0]}
    table = tidy(pairs)
    cv = cv_table(table)
    assert list(zip(cv["structure"], cv["subject"], strict=True)) == list(pairs)
    assert cv["cv"].to_numpy() == pytest.approx([2.0, 100 * 2 / 97, np.nan], nan_ok=True)
    assert cv["n_members"].tolist() == [3, 3, 3]


def test_medians_leave_undefined_scans_out_and_keep_empty_groups():
    table = pd.DataFrame(
        {
            "group": ["g", "g", "g", "h"],
            "structure": ["a", "a", "a", "a"],
            "cv": [1.0, 5.0, np.nan, np.nan],
        }
    )
    assert medians(table, "cv") == {"g": {"a": 3.0}, "h": {}}
