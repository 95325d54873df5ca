"""Permuted slopes: regressions one by one, exactness, and what cannot vary."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from stages.statistics.methods.mixed_model import model, restricted_components
from stages.statistics.methods.permuted_slopes import (
    mean_slope,
    permutation_p,
    permuted_slopes,
)
from stages.statistics.methods.subject_orders import subject_orders
from stages.statistics.methods.within_between import Table
from tests.statistics.methods.test_within_between import table


def one_by_one(own: Table, order: np.ndarray) -> tuple[list[float], list[float]]:
    """Return slopes and their variances by dense generalised least squares."""
    k, s = np.nonzero(np.isfinite(own.y))
    structures = np.eye(len(own.x))[k]
    size = own.size[k, s]
    level = (structures.T @ size / structures.sum(axis=0))[k]
    fixed = np.stack([np.ones(len(k)), level, size - level], axis=1)
    parts, _ = restricted_components(own.y[k, s], model(fixed, [k, own.subject[s]]))
    same = own.subject[s][:, None] == own.subject[s]
    covariance = np.eye(len(k)) + parts[1] / parts[2] * same
    whole_k, whole_s = np.nonzero(np.isfinite(own.x))
    effects = np.c_[np.eye(len(own.x))[whole_k], own.size[whole_k, whole_s]]
    residual = np.full(own.x.shape, 0.0)
    residual[whole_k, whole_s] = sm.OLS(own.x[whole_k, whole_s], effects).fit().resid
    null = sm.GLS(own.y[k, s], np.c_[structures, size], sigma=covariance).fit()
    slopes, variances = [], []
    for each in order:
        columns = np.c_[residual[:, each][k, s], structures, size]
        fitted = sm.GLS(own.y[k, s], columns, sigma=covariance).fit()
        slopes.append(fitted.params[0])
        variances.append(fitted.normalized_cov_params[0, 0] * null.scale)
    return slopes, variances


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_every_order_is_a_regression(missing):
    own = table(1, missing=missing)._replace(subject=np.array([0, 0, 1, 2, 3, 3]))
    gap = own.x.copy()
    gap[2, 3] = np.nan if missing else gap[2, 3]
    own = own._replace(x=gap)
    order = subject_orders(own.subject, 50, np.random.default_rng(0)).order
    found = permuted_slopes(own, order)
    slopes, variances = one_by_one(own, order)
    assert found.slope == pytest.approx(np.array(slopes))
    assert found.variance == pytest.approx(np.array(variances))


def test_p_is_the_fraction_of_orders_as_extreme():
    assert permutation_p(np.array([2.0, -2.0, 1.0, 3.0])) == 0.75
    assert permutation_p(np.array([2.0, np.nan, 1.0, -1.0])) == pytest.approx(1 / 3)
    assert np.isnan(permutation_p(np.array([np.nan, 1.0])))
    assert np.isnan(permutation_p(np.zeros(0)))


def test_a_strong_relation_of_four_subjects_has_p_of_one_in_twenty_four():
    own = table(2, n_structures=30, n_scans=4, noise=0.01)
    orders = subject_orders(own.subject, 100, np.random.default_rng(0))
    _, statistic = mean_slope([permuted_slopes(own, orders.order)])
    assert permutation_p(statistic) == pytest.approx(1 / 24)


@given(st.integers(0, 10_000))
def test_all_p_of_all_orders_are_uniform(seed):
    # each order of the cohort is as probable as any: the ranks of all of them are all ranks
    own = table(seed, n_scans=4)
    order = subject_orders(own.subject, 100, np.random.default_rng(0)).order
    statistic = np.abs(mean_slope([permuted_slopes(own, order)])[1])
    p = np.array([np.mean(statistic >= each - 1e-9) for each in statistic])
    assert (p <= 0.05).sum() <= 1
    assert (p <= 0.5).sum() <= 12


@pytest.mark.parametrize(
    "change",
    [
        lambda own: own._replace(y=np.full(own.y.shape, np.nan)),
        lambda own: own._replace(x=np.full(own.x.shape, 1 / 3)),
        lambda own: own._replace(x=np.full(own.x.shape, np.nan)),
        lambda own: own._replace(y=np.full(own.y.shape, 2.0)),
    ],
)
def test_what_does_not_vary_has_no_slope(change):
    found = permuted_slopes(change(table(3)), np.tile(np.arange(6), (3, 1)))
    assert np.isnan(found.slope).all()
