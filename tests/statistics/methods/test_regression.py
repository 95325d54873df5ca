"""R^2 and its controls against statsmodels, scikit-learn and known expectations."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stages.statistics.methods.regression import (
    adjusted_r2,
    group_means_r2,
    in_sample_r2,
    leave_group_out_r2,
    within_group_r2,
)

GROUPS = np.repeat(np.arange(8), 5)


def data(seed: int, n_predictors: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Return 40 points with a true slope and a different level for each of eight groups."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(40, n_predictors)) * 10.0 ** generator.integers(-3, 3, n_predictors)
    x += generator.normal(size=(8, n_predictors))[GROUPS]
    y = 2 * x[:, 0] / x[:, 0].std() + GROUPS + generator.normal(size=40)
    return x, y


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_in_sample_and_adjusted_are_statsmodels(seed):
    x, y = data(seed)
    fit = sm.OLS(y, sm.add_constant(x)).fit()
    assert in_sample_r2(x, y) == pytest.approx(fit.rsquared, abs=1e-8)
    assert adjusted_r2(x, y) == pytest.approx(fit.rsquared_adj, abs=1e-8)


@given(st.integers(0, 10_000))
@settings(max_examples=10)
def test_leave_group_out_is_scikit_learns(seed):
    x, y = data(seed)
    predicted = cross_val_predict(LinearRegression(), x, y, groups=GROUPS, cv=LeaveOneGroupOut())
    assert leave_group_out_r2(x, y, GROUPS) == pytest.approx(r2_score(y, predicted), abs=1e-8)


@given(st.integers(0, 10_000))
@settings(max_examples=10)
def test_leave_group_out_scales_predictors_as_scikit_learn_does(seed):
    x, y = data(seed)
    x = np.column_stack([x, 1e9 * x[:, 0], np.full(len(y), 3.3)])  # redundant, and constant
    model = make_pipeline(StandardScaler(), LinearRegression())
    predicted = cross_val_predict(model, x, y, groups=GROUPS, cv=LeaveOneGroupOut())
    assert leave_group_out_r2(x, y, GROUPS) == pytest.approx(r2_score(y, predicted), abs=1e-12)


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_within_is_what_predictors_add_to_dummies(seed):
    x, y = data(seed)
    dummies = np.eye(8)[GROUPS]
    base = sm.OLS(y, dummies).fit()
    full = sm.OLS(y, np.column_stack([dummies, x])).fit()
    assert within_group_r2(x, y, GROUPS) == pytest.approx(1 - full.ssr / base.ssr, abs=1e-8)
    assert group_means_r2(y, GROUPS) == pytest.approx(1 - base.ssr / base.centered_tss)


@given(st.integers(0, 1000), st.sampled_from([1e-6, 3.0, 1e6]))
@settings(max_examples=20)
def test_units_of_predictors_and_target_do_not_matter(seed, factor):
    x, y = data(seed)
    for statistic in (in_sample_r2, adjusted_r2):
        assert statistic(factor * x - factor, factor * y) == pytest.approx(statistic(x, y))


def test_adjusted_by_hand():
    x, y = data(0)
    expected = 1 - (1 - in_sample_r2(x, y)) * 39 / (40 - 4 - 1)
    assert adjusted_r2(x, y) == pytest.approx(expected)


def test_a_redundant_predictor_changes_nothing():
    x, y = data(1)
    doubled = np.column_stack([x, x.sum(axis=1), np.ones(40)])
    assert in_sample_r2(doubled, y) == pytest.approx(in_sample_r2(x, y))
    assert adjusted_r2(doubled, y) == pytest.approx(adjusted_r2(x, y))


def test_structure_patterns_alone_look_like_prediction():
    """Nine predictors that only tell 16 structures apart: pooled about .25, nothing within them."""
    generator = np.random.default_rng(0)
    structure, subject = np.repeat(np.arange(16), 20), np.tile(np.arange(20), 16)
    found = []
    for _ in range(60):
        x = generator.normal(size=(16, 9))[structure] + 0.3 * generator.normal(size=(320, 9))
        y = generator.normal(size=16)[structure] * 0.75 + generator.normal(size=320)
        found.append(
            [
                in_sample_r2(x, y),
                leave_group_out_r2(x, y, subject),
                leave_group_out_r2(x, y, structure),
                within_group_r2(x, y, structure),
            ]
        )
    pooled, subject_out, structure_out, within = np.mean(found, axis=0)
    assert 0.15 < pooled < 0.35
    assert subject_out > 0.1
    assert structure_out < 0
    assert within == pytest.approx(9 / 304, abs=0.01)


def test_undefined_without_freedom_groups_or_variation():
    x, y = data(2)
    assert np.isnan(in_sample_r2(x[:0], y[:0]))
    assert np.isnan(in_sample_r2(x[:5], y[:5]))
    assert np.isnan(adjusted_r2(x[:5], y[:5]))
    assert np.isnan(in_sample_r2(x, np.full(40, 3.1)))
    assert np.isnan(leave_group_out_r2(x, y, np.zeros(40)))
    assert np.isnan(leave_group_out_r2(x[:6], y[:6], np.arange(6) // 3))
    assert np.isnan(within_group_r2(x[:8], y[:8], np.arange(8) // 2))


def test_a_perfect_predictor_scores_one_everywhere():
    x, _ = data(3)
    y = x @ np.ones(4)
    scores = (
        in_sample_r2(x, y),
        adjusted_r2(x, y),
        leave_group_out_r2(x, y, GROUPS),
        within_group_r2(x, y, GROUPS),
    )
    assert scores == pytest.approx([1] * 4)
