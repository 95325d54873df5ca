"""The jackknife's interval against that of Student, and its coverage with members as a sample."""

import numpy as np
import pytest
from scipy import stats

from stages.statistics.methods.jackknife import jackknife_interval


def test_of_a_mean_it_is_students():
    values = np.random.default_rng(0).normal(size=9)
    found = jackknife_interval(lambda s, _: float(values[s].mean()), np.arange(9), 1, 0.95)
    known = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((known.low, known.high))
    assert found.n_defined == 9


def test_scans_of_one_subject_are_left_out_together():
    values, subject = np.array([1.0, 1.0, 4.0, 4.0, 6.0, 6.0]), np.repeat([0, 1, 2], 2)
    found = jackknife_interval(lambda s, _: float(values[s].mean()), subject, 1, 0.95)
    known = stats.ttest_1samp(values[::2], 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((known.low, known.high))


def test_fewer_than_three_subjects_or_an_undefined_value_have_none():
    def mean(s: np.ndarray, m: np.ndarray) -> float:
        return float(s.sum() + m.sum())

    assert np.isnan(jackknife_interval(mean, np.zeros(5), 4, 0.95).low)
    gap = jackknife_interval(lambda s, m: float("nan"), np.arange(5), 4, 0.95)
    assert np.isnan(gap.low)


def test_a_mean_over_subjects_and_members_is_covered():
    generator, hits, n = np.random.default_rng(1), 0, 600
    for _ in range(n):
        y = generator.normal(size=(8, 1)) + generator.normal(size=(1, 5))
        y = y + generator.normal(size=(8, 5))

        def mean(s: np.ndarray, m: np.ndarray, y: np.ndarray = y) -> float:
            return float(y[s][:, m].mean())

        found = jackknife_interval(mean, np.arange(8), 5, 0.95)
        hits += found.low <= 0 <= found.high
    assert 0.93 <= hits / n <= 0.99
