"""Intervals over subjects and members against the analysis of variance and Student's."""

import numpy as np
import pytest
from scipy import stats

from stages.statistics.methods.bootstrap import cluster_draws
from stages.statistics.methods.crossed_intervals import (
    crossed,
    difference,
    half_width,
    interval,
    steadied,
)


def mean_of(values: np.ndarray):
    """Return the statistic `mean` of (n_scans, n_members)."""
    return lambda weights, members: weights @ values[:, members].mean(axis=1) / weights.sum(axis=1)


def found_of(values: np.ndarray, n_draws: int = 4000):
    n = len(values)
    weights = cluster_draws(np.arange(n), n_draws, np.random.default_rng(0))
    return crossed(mean_of(values), weights, n, values.shape[1])


def test_of_a_mean_of_single_members_it_is_students():
    values = np.random.default_rng(0).normal(size=(9, 1))
    found = interval(found_of(values, 40_000), 0.95)
    known = stats.ttest_1samp(values[:, 0], 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((known.low, known.high), rel=0.02)


def test_of_a_mean_the_variance_is_that_of_the_analysis_of_variance():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(12, 1)) + 2 * rng.normal(size=(1, 5)) + rng.normal(size=(12, 5))
    n, m = values.shape
    rows, columns = values.mean(axis=1), values.mean(axis=0)
    left = values - rows[:, None] - columns + values.mean()
    rest = np.sum(left**2) / ((n - 1) * (m - 1))
    of_rows, of_columns = m * rows.var(ddof=1), n * columns.var(ddof=1)
    first, second = of_rows / (n * m), (of_columns - rest) / (n * m)
    free = (first + second) ** 2 / (first**2 / (n - 1) + second**2 / (m - 1))
    reach = stats.t.ppf(0.975, free) * np.sqrt(first + second)
    assert half_width(found_of(values), 0.95) == pytest.approx(reach, rel=0.03)


def test_members_that_differ_by_chance_alone_add_nothing():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(30, 1)) + 0.01 * rng.normal(size=(30, 4))
    found = found_of(values)
    assert found.members[0].variance < 0.01 * values.mean(axis=1).var() / 30
    students = stats.t.ppf(0.975, 29) * values.mean(axis=1).std(ddof=1) / np.sqrt(30)
    assert half_width(found, 0.95) == pytest.approx(students, rel=0.04)


def test_a_difference_has_the_same_subjects_and_other_members():
    rng = np.random.default_rng(3)
    common = 5 * rng.normal(size=(10, 1))
    first, second = common + rng.normal(size=(2, 1, 4)) + 0.1 * rng.normal(size=(2, 10, 4))
    apart = difference(found_of(first), found_of(second))
    assert float(apart.value) == pytest.approx(first.mean() - second.mean())
    assert len(apart.members) == 2
    # what subjects share is gone, what members differ by is not
    assert half_width(apart, 0.95) < half_width(found_of(first), 0.95)
    assert half_width(apart, 0.95) > 0.3


def test_ensembles_are_left_out_of_one_by_one():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(8, 6))
    weights = cluster_draws(np.arange(8), 500, rng)
    found = crossed(mean_of(values), weights, 8, 6, np.array([0, 0, 0, 0, 1, 1]))
    assert [part.free for part in found.members] == [3, 1]


def test_fewer_than_three_subjects_have_no_interval():
    assert np.isnan(half_width(found_of(np.ones((2, 4))), 0.95))
    flat = interval(found_of(np.full((5, 4), 3.0)), 0.95)
    assert (flat.low, flat.high) == pytest.approx((3.0, 3.0))


def test_a_median_takes_the_members_part_of_a_mean():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(20, 1)) + rng.normal(size=(1, 4)) + rng.normal(size=(20, 4))
    weights = cluster_draws(np.arange(20), 500, rng)

    def median(weights: np.ndarray, members: np.ndarray) -> np.ndarray:
        own = values[:, members].mean(axis=1)
        return np.array([np.median(np.repeat(own, w)) for w in weights])

    by = crossed(mean_of(values), weights, 20, 4)
    found = steadied(crossed(median, weights, 20, 4), by, 1.0)
    ratio = found.members[0].variance / by.members[0].variance
    assert 1.0 <= ratio <= 3.0
    scaled = steadied(found, by, 2.0)
    assert scaled.members[0].variance >= 4 * by.members[0].variance
