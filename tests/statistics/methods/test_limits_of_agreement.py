"""Limits of agreement against Bland and Altman's data, exact limits and statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nct
from statsmodels.stats.weightstats import DescrStatsW

from stages.statistics.methods.limits_of_agreement import REACH, Bias, limits_of_agreement
from stages.statistics.methods.pivots import uniform_draws

UNIFORMS = uniform_draws(np.random.default_rng(0))
# peak expiratory flow rate (l/min), first readings of two meters: Bland and Altman 1986,
# doi:10.1016/S0140-6736(86)90837-8, table 1
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
PEFR = np.subtract(LARGE, MINI).astype(float)


def limits(values: np.ndarray, subject: np.ndarray | None = None, level: float = 0.95):
    """Return the limits of a table of differences."""
    each = np.arange(len(values)) if subject is None else subject
    found = limits_of_agreement(values, each, UNIFORMS, level)
    assert found is not None
    return found


def test_peak_flow_meters_are_those_of_bland_and_altman():
    found = limits(PEFR[:, None])
    assert found.bias.value == pytest.approx(-2.1, abs=0.05)
    assert found.sd == pytest.approx(38.8, abs=0.05)
    assert found.bias.interval(0.95) == pytest.approx((-22.0, 17.8), abs=0.1)
    assert found.bias.value - 2 * found.sd == pytest.approx(-79.7, abs=0.1)
    assert found.upper - found.lower == pytest.approx(2 * REACH * found.sd)


def test_intervals_of_one_members_limits_are_the_exact_ones():
    found, n = limits(PEFR[:, None]), len(PEFR)
    for level, ends in ((REACH, found.upper_interval), (-REACH, found.lower_interval)):
        quantiles = nct.ppf([0.025, 0.975], n - 1, level * np.sqrt(n)) / np.sqrt(n)
        known = PEFR.mean() + quantiles * PEFR.std(ddof=1)
        assert ends == pytest.approx(known, abs=0.03 * np.ptp(known))


@given(st.integers(0, 1000), st.floats(0.1, 3))
def test_two_one_sided_tests_are_those_of_statsmodels(seed, margin):
    values = np.random.default_rng(seed).normal(0.3, 1, 9)
    known = DescrStatsW(values).ttost_mean(-margin, margin)[0]
    assert limits(values[:, None]).bias.equivalence_p(margin) == pytest.approx(known)


def test_a_bias_is_equivalent_where_its_narrower_interval_is_within_the_margin():
    bias = Bias(0.5, 0.2, 7.0)
    margin = bias.interval(0.9)[1]
    assert bias.equivalence_p(1.001 * margin) < 0.05 < bias.equivalence_p(0.999 * margin)
    assert np.isnan(Bias(0.5, 0.0, 7.0).equivalence_p(1.0))


def test_balanced_components_give_the_mean_and_variance_by_hand():
    generator = np.random.default_rng(3)
    values = generator.normal(size=(6, 1)) + generator.normal(size=5)
    values = values + generator.normal(size=(6, 5))
    found = limits(values)
    centred = values - values.mean()
    subject = 5 * np.sum(centred.mean(axis=1) ** 2) / 5
    member = 6 * np.sum(centred.mean(axis=0) ** 2) / 4
    rest = centred - centred.mean(axis=1, keepdims=True) - centred.mean(axis=0)
    rest = np.sum(rest**2) / 20
    assert min(subject, member) > rest
    total = (subject - rest) / 5 + (member - rest) / 6 + rest
    assert found.sd**2 == pytest.approx(total)
    assert found.bias.value == pytest.approx(values.mean())
    assert found.bias.standard_error**2 == pytest.approx((subject + member - rest) / 30)


def test_scans_of_one_subject_make_no_interval_narrower():
    generator = np.random.default_rng(4)
    values = 2 * generator.normal(size=(8, 1)) + generator.normal(size=(8, 4))
    alone, together = limits(values), limits(values, np.arange(8) // 2)
    assert together.sd == alone.sd
    assert together.bias.standard_error > alone.bias.standard_error
    assert np.ptp(together.upper_interval) > np.ptp(alone.upper_interval)


def test_gaps_cost_pairs_and_too_few_subjects_have_no_limits():
    values = np.random.default_rng(5).normal(size=(6, 4))
    values[2, 1] = np.nan
    assert limits(values).bias.value == pytest.approx(np.nanmean(values))
    assert limits_of_agreement(values[:2], np.arange(2), UNIFORMS, 0.95) is None
    assert limits_of_agreement(values, np.arange(6) // 3, UNIFORMS, 0.95) is None
    assert limits_of_agreement(np.full((5, 3), np.nan), np.arange(5), UNIFORMS, 0.95) is None


def test_bias_and_limits_cover_another_member_on_another_scan():
    generator, n, hits = np.random.default_rng(6), 150, np.zeros(3)
    sd = np.sqrt(1 + 2.25 + 2.25)
    for _ in range(n):
        values = 2 + generator.normal(size=(8, 1)) + 1.5 * generator.normal(size=(1, 12))
        found = limits(values + 1.5 * generator.normal(size=(8, 12)))
        ends = found.bias.interval(0.95), found.lower_interval, found.upper_interval
        for k, (known, (low, high)) in enumerate(
            zip((2, 2 - REACH * sd, 2 + REACH * sd), ends, strict=True)
        ):
            hits[k] += low <= known <= high
    assert (hits / n > 0.95 - 3 * np.sqrt(0.95 * 0.05 / n) - 0.02).all()
