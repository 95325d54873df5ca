"""Detectable changes and trial sizes against hand calculation, statsmodels and simulated trials."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from stages.statistics.questions.components import decompose
from stages.statistics.questions.power import (
    COLUMNS,
    CURVE_POINTS,
    PowerOptions,
    detectable_change,
    effect_size,
    inflation,
    patients_per_arm,
    power,
    t_test_power,
    variabilities,
)
from stages.study.errors import StudyError

TRIAL = PowerOptions(trial_years=1.5, atrophy_sd_percent_per_year=2.0)


def parts(group: str = "unet", structure: str = "hippocampus", **variance: float) -> pd.DataFrame:
    """Return components, given in squared percent, as `decompose` does."""
    rows = [(group, structure, name, value * 1e-4, 4, 5) for name, value in variance.items()]
    columns = ["group", "structure", "component", "variance", "n_scans", "n_members"]
    return pd.DataFrame(rows, columns=columns)


def test_detectable_change_by_hand():
    assert detectable_change(1.0) == pytest.approx(2.77, abs=5e-3)
    assert detectable_change(np.array([0.0, 2.0])) == pytest.approx([0, 5.5437], abs=1e-4)


def test_inflation_by_hand():
    assert inflation(0.0, 1.0, 2.0) == 1
    assert inflation(2.0, 1.0, 2.0) == pytest.approx(3)
    assert inflation(2.0, 2.0, 2.0) == pytest.approx(1.5)


def test_a_change_without_cause_is_below_the_detectable_one_in_95_of_100():
    scans = np.random.default_rng(0).normal(0, 3.0, (200_000, 2))
    inside = np.abs(scans[:, 0] - scans[:, 1]) < detectable_change(3.0)
    assert inside.mean() == pytest.approx(0.95, abs=0.002)


def test_inflation_is_that_of_the_variance_of_measured_rates():
    generator = np.random.default_rng(1)
    rates = generator.normal(4.66, 2.0, 400_000)
    first, last = generator.normal(0, 1.5, (2, len(rates)))
    measured = (rates * 1.5 + last - first) / 1.5
    assert measured.var() / rates.var() == pytest.approx(inflation(1.5, 1.5, 2.0), rel=0.01)


# far out in the tail, above d sqrt(n / 2) = 4, statsmodels' power is NaN
@given(st.floats(0.05, 0.7), st.integers(2, 60), st.floats(0.001, 0.2))
def test_power_is_that_of_statsmodels(d, n, alpha):
    expected = TTestIndPower().power(d, n, alpha)
    assert t_test_power(d, n, alpha) == pytest.approx(expected, abs=1e-7)


@given(
    st.floats(0, 6), st.floats(0.15, 0.4), st.floats(0.6, 0.95), st.sampled_from([0.01, 0.05, 0.1])
)
def test_patients_are_those_of_statsmodels(cv, slowing, asked, alpha):
    options = replace(TRIAL, slowing=slowing, power=asked, alpha=alpha)
    d = float(effect_size(cv, options))
    found = float(patients_per_arm(cv, options))
    assert TTestIndPower().power(d, found, alpha) >= asked - 1e-9
    if found > 2:
        assert TTestIndPower().power(d, found - 1, alpha) < asked + 1e-9
    normal = NormalIndPower().solve_power(d, alpha=alpha, power=asked)
    # the t-test costs about z^2 / 4 patients more than the normal approximation
    assert normal - 1e-6 <= max(found, normal) <= normal + 5


@pytest.mark.parametrize(("d", "n"), [(0.2, 394), (0.5, 64), (0.8, 26)])
def test_patients_are_those_of_cohens_table(d, n):
    options = PowerOptions(1.0, 2.0, atrophy_percent_per_year=4.0, slowing=d / 2)
    assert effect_size(0.0, options) == pytest.approx(d)
    assert patients_per_arm(0.0, options) == n


def test_power_of_enormous_trials_is_certain():
    assert t_test_power(np.array([0.5, 2.0, 5.0]), 3000, 1e-4) == pytest.approx(1.0)


def test_a_simulated_trial_of_that_size_reaches_its_power():
    cv, generator = 2.5, np.random.default_rng(2)
    n = int(patients_per_arm(cv, TRIAL))
    noise = np.sqrt(2.0) * cv / TRIAL.trial_years
    shape = (4000, n)
    arms = [
        generator.normal(rate, TRIAL.atrophy_sd_percent_per_year, shape)
        + generator.normal(0, noise, shape)
        for rate in (4.66, 4.66 * (1 - TRIAL.slowing))
    ]
    found = stats.ttest_ind(*arms, axis=1).pvalue < TRIAL.alpha
    assert found.mean() == pytest.approx(TRIAL.power, abs=0.025)


@given(st.lists(st.floats(0, 20), min_size=2, max_size=10))
def test_more_variation_never_needs_fewer_patients(cvs):
    needed = patients_per_arm(np.sort(cvs), TRIAL)
    assert (np.diff(needed) >= 0).all()
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    without = 2 * (z * 2.0 / (0.25 * 4.66)) ** 2
    # whole patients, and those that the t-test costs
    assert needed == pytest.approx(without * inflation(np.sort(cvs), 1.5, 2.0) + 1, abs=1.1)


def test_undefined_variation_needs_an_undefined_number():
    needed = patients_per_arm(np.array([np.nan, 0.0]), TRIAL)
    assert np.isnan(needed[0])
    assert needed[1] > 2


def test_scopes_add_the_components_that_they_hold():
    table = pd.concat(
        [
            parts(subject=100.0, member=9.0, interaction=16.0),
            parts(structure="caudate", member=1.0, interaction=4.0, segmentation=4.0),
        ]
    )
    found = variabilities(table).set_index(["structure", "scope"])["cv_percent"].to_dict()
    expected = {
        ("hippocampus", "total"): 5.0,
        ("hippocampus", "fixed_model"): 4.0,
        ("caudate", "total"): 3.0,
        ("caudate", "fixed_model"): np.sqrt(8.0),
        ("caudate", "interaction"): 2.0,
    }
    assert found == pytest.approx(expected)


def test_power_of_a_group_by_hand():
    table = pd.concat(
        [parts(member=3.0, interaction=1.0), parts(structure="csf", member=0.0, interaction=16.0)]
    )
    options = PowerOptions(trial_years=2.0, atrophy_sd_percent_per_year=1.0)
    tree, rows = power(table, options)
    found = tree["unet"]
    assert found["detectable_change_percent"]["total"] == pytest.approx(2.7718 * 3, abs=1e-3)
    total, fixed = found["hippocampus"]["total"], found["hippocampus"]["fixed_model"]
    assert (total["cv_percent"], fixed["cv_percent"]) == pytest.approx((2, 1))
    assert (total["inflation"], fixed["inflation"]) == pytest.approx((3, 1.5))
    assert total["patients_per_arm"] == patients_per_arm(2.0, options)
    assert found["n"] == {"structures": 2, "undefined": 0}
    assert list(rows.columns) == COLUMNS
    others = rows[rows["structure"] == "csf"]
    assert others["inflation"].isna().all() and others["patients_per_arm"].isna().all()


def test_the_curve_starts_at_no_variation_and_holds_all_groups():
    table = pd.concat([parts(member=30.0, interaction=19.0), parts("rim", interaction=1.0)])
    _, rows = power(table.fillna(0.0), TRIAL)
    curve = rows[rows["scope"] == "curve"]
    assert len(curve) == CURVE_POINTS
    assert curve["inflation"].iloc[0] == 1
    assert curve["cv_percent"].iloc[-1] > 7
    assert (np.diff(curve["patients_per_arm"]) >= 0).all()


def test_gaps_and_tiny_studies_leave_no_undefined_leaf():
    volumes = pd.DataFrame(
        [
            (group, m, f"sub-{s}", structure, 1000.0 + m * s)
            for group, n_members in (("unet", 2), ("zero_filled", 1))
            for m in range(n_members)
            for s in range(2)
            for structure in ("caudate", "csf")
        ],
        columns=["group", "member", "subject", "structure", "volume_mm3"],
    )
    tree, rows = power(decompose(volumes).tables["components"], TRIAL)
    json.dumps(tree, allow_nan=False)
    assert set(tree) == {"unet"}
    assert tree["unet"]["hippocampus"] == {}
    assert (rows["scope"] == "curve").sum() == CURVE_POINTS
    nothing = decompose(volumes[volumes["group"] == "zero_filled"]).tables["components"]
    assert power(nothing, TRIAL)[0] == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"trial_years": 0.0},
        {"atrophy_sd_percent_per_year": -1.0},
        {"atrophy_percent_per_year": float("nan")},
        {"slowing": 25.0},
        {"power": 1.0},
        {"alpha": 0.9},
    ],
)
def test_options_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(StudyError, match=next(iter(wrong))):
        PowerOptions(**wrong)
