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

from stages.statistics.cohort import Cohort
from stages.statistics.methods.variance_components import estimate
from stages.statistics.questions.components import log_table
from stages.statistics.questions.power import (
    COLUMNS,
    PowerOptions,
    Variability,
    ask,
    detectable_change,
    effect_size,
    inflation,
    patients_per_arm,
    power,
    t_test_power,
    variabilities,
)
from stages.study.errors import StudyError
from tests.statistics.conftest import cohort_of, ensembles, parameters

TRIAL = PowerOptions(trial_years=1.5, atrophy_sd_percent_per_year=2.0)


def known(group: str = "unet", structure: str = "hippocampus", **variance: float) -> Variability:
    """Return the variability of some scopes, in squared percent, with draws from 1/4 to 4 times."""
    factors = np.geomspace(0.25, 4.0, 1001)
    values = {scope: value * 1e-4 for scope, value in variance.items()}
    draws = {scope: value * factors for scope, value in values.items()}
    return Variability(group, structure, 4, 5, values, draws, 1.0)


def cohort(
    n_scans: int = 6,
    n_members: int = 4,
    common: float = 0.0,
    draws: pd.DataFrame | None = None,
    structures: tuple[str, ...] = ("hippocampus", "caudate"),
) -> Cohort:
    """Return a cohort of one network, an error of SD `common` shared by all members of a scan."""
    generator = np.random.default_rng(0)
    rows, whole = [], []
    for structure in structures:
        for s in range(n_scans):
            true = 4000 * generator.uniform(0.8, 1.2)
            whole.append(("reference", 0, f"sub-{s}", structure, true))
            shared = common * generator.normal()
            for m in range(n_members):
                error = shared + 0.02 * generator.normal() + 0.01 * m
                rows.append(("unet", m, f"sub-{s}", structure, true * np.exp(error)))
    columns = ["group", "member", "subject", "structure", "volume_mm3"]
    return cohort_of(
        volumes=pd.DataFrame(rows, columns=columns),
        reference=pd.DataFrame(whole, columns=columns),
        subject_of={},
        draws=draws,
        ensembles=ensembles(("unet",)),
    )


def by_scope(found: list[Variability], structure: str = "hippocampus") -> dict[str, float]:
    """Return the variance of each scope of one structure."""
    return next(each.variance for each in found if each.structure == structure)


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
    rates = {"atrophy_percent_per_year": 5.0, "control_percent_per_year": 1.0}
    options = PowerOptions(1.0, 2.0, **rates, slowing=d / 2)
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
        for rate in (4.66, 4.66 - TRIAL.slowing * (4.66 - 1.41))
    ]
    found = stats.ttest_ind(*arms, axis=1).pvalue < TRIAL.alpha
    assert found.mean() == pytest.approx(TRIAL.power, abs=0.025)


@given(st.lists(st.floats(0, 20), min_size=2, max_size=10))
def test_more_variation_never_needs_fewer_patients(cvs):
    needed = patients_per_arm(np.sort(cvs), TRIAL)
    assert (np.diff(needed) >= 0).all()
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    without = 2 * (z * 2.0 / (0.25 * 3.25)) ** 2
    # whole patients, and those that the t-test costs
    assert needed == pytest.approx(without * inflation(np.sort(cvs), 1.5, 2.0) + 1, abs=1.1)


def test_undefined_variation_needs_an_undefined_number():
    needed = patients_per_arm(np.array([np.nan, 0.0]), TRIAL)
    assert np.isnan(needed[0])
    assert needed[1] > 2


def test_a_treatment_slows_the_disease_beyond_ageing_alone():
    # 2.8 SD of power .8 at .05: what the audit of the published rates gives
    free = {"atrophy_sd_percent_per_year": 2.3, "slowing": 0.25}
    d = 0.25 * (4.66 - 1.41) / 2.3
    expected = TTestIndPower().solve_power(d, alpha=0.05, power=0.8)
    assert patients_per_arm(0.0, PowerOptions(**free)) == np.ceil(expected)
    ageless = PowerOptions(**free, control_percent_per_year=0.0)
    assert patients_per_arm(0.0, ageless) < patients_per_arm(0.0, PowerOptions(**free))


def test_scopes_add_the_components_that_they_hold():
    there = cohort(common=0.05)
    found = by_scope(variabilities(there, 0.95, np.random.default_rng(0)))
    table = there.volumes[there.volumes["structure"] == "hippocampus"]
    _, _, values = log_table(table)
    parts = estimate(values)
    _, _, reference = log_table(
        there.reference[there.reference["structure"] == "hippocampus"].assign(member=0)
    )
    common = estimate(values - reference)["subject"]
    assert found == pytest.approx(
        {
            "total": parts["member"] + parts["residual"],
            "fixed_model": parts["residual"],
            "total_uncancelled": common + parts["member"] + parts["residual"],
            "fixed_model_uncancelled": common + parts["residual"],
        }
    )
    assert np.sqrt(common) == pytest.approx(0.05, rel=0.5)


def test_intervals_hold_their_values_and_grow_with_the_common_error():
    rng = np.random.default_rng(1)
    for each in variabilities(cohort(n_scans=8, common=0.05), 0.95, rng):
        for scope in each.variance:
            value, low, high = each.cv_percent(scope)
            assert low < value < high
        ratio = {s: each.cv_percent(s)[2] / each.cv_percent(s)[1] for s in each.variance}
        assert ratio["fixed_model_uncancelled"] > ratio["fixed_model"]


def test_repeated_segmentations_are_told_apart():
    there = cohort(n_scans=5)
    repeated = pd.concat([there.volumes.assign(draw=draw) for draw in range(2)])
    noise = np.exp(0.01 * np.random.default_rng(3).normal(size=len(repeated)))
    repeated["volume_mm3"] *= noise
    found = by_scope(variabilities(replace(there, draws=repeated), 0.95, np.random.default_rng(0)))
    assert 0 < found["interaction"] < found["fixed_model"] < found["total"]
    apart = found["fixed_model"] - found["interaction"]
    assert np.sqrt(apart) == pytest.approx(0.01, rel=0.4)


def test_power_of_a_group_by_hand():
    found = [
        known(total=4.0, fixed_model=1.0),
        known(structure="csf", total=16.0, fixed_model=16.0),
    ]
    options = PowerOptions(trial_years=2.0, atrophy_sd_percent_per_year=1.0)
    tree, rows = power(found, options)
    of = tree["unet"]
    changes = of["detectable_change_percent"]["total"]
    assert changes["value"] == pytest.approx(2.7718 * 3, abs=1e-3)
    assert changes["low"] == pytest.approx(2.7718 * 1.5, abs=1e-3)
    assert changes["high"] == pytest.approx(2.7718 * 6, abs=1e-3)
    total, fixed = of["hippocampus"]["total"], of["hippocampus"]["fixed_model"]
    assert (total["cv_percent"]["value"], fixed["cv_percent"]["value"]) == pytest.approx((2, 1))
    assert total["inflation"] == pytest.approx({"value": 3, "low": 1.5, "high": 9})
    needed = {
        name: float(patients_per_arm(cv, options)) for name, cv in total["cv_percent"].items()
    }
    assert total["patients_per_arm"] == needed
    assert of["n"] == {"structures": 2, "undefined": 0}
    assert list(rows.columns) == COLUMNS
    others = rows[rows["structure"] == "csf"]
    assert others["inflation"].isna().all() and others["patients_per_arm"].isna().all()


@pytest.mark.parametrize(("n_scans", "n_members"), [(1, 2), (2, 2), (1, 1), (4, 1), (3, 2)])
def test_gaps_and_tiny_studies_leave_no_undefined_leaf(n_scans, n_members):
    there = cohort(n_scans, n_members, structures=("caudate", "csf"))
    holes = replace(there, volumes=there.volumes.iloc[1:], reference=there.reference.iloc[1:])
    for each in (there, holes):
        answer = ask(each, parameters(), np.random.default_rng(0))
        json.dumps(answer.metrics, allow_nan=False)
        assert list(answer.tables["power"].columns) == COLUMNS
        for tree in answer.metrics.values():
            assert tree["hippocampus"] == {}


def test_without_a_reference_there_is_no_bound():
    there = cohort()
    nothing = replace(there, reference=there.reference.assign(volume_mm3=0.0))
    found = by_scope(variabilities(nothing, 0.95, np.random.default_rng(0)))
    assert set(found) == {"total", "fixed_model"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"trial_years": 0.0},
        {"atrophy_sd_percent_per_year": -1.0},
        {"atrophy_percent_per_year": float("nan")},
        {"slowing": 25.0},
        {"control_percent_per_year": 4.66},
        {"power": 1.0},
        {"alpha": 0.9},
    ],
)
def test_options_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(StudyError, match=next(iter(wrong))):
        PowerOptions(**wrong)
