"""Bounds of scores: hand calculations, exact coverage, and exams of several scans."""

import math

import numpy as np
import pytest

from stages.statistics.methods.prediction_intervals import (
    jackknife_plus,
)
from stages.statistics.methods.thresholds import (
    coverage_band,
    coverage_distribution,
    least_subjects,
    upper_quantile,
)
from tests.statistics.questions.test_conformal import each


@pytest.mark.parametrize("n", range(1, 41))
@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2, 0.25])
def test_threshold_is_the_rank_of_split_conformal(n, alpha):
    values = np.random.default_rng(n).permutation(n) + 1.0
    rank = math.ceil(round((n + 1) * (1 - alpha), 9))
    expected = rank if rank <= n else math.inf
    assert upper_quantile(values, each(n), alpha) == expected
    assert (n >= least_subjects(alpha)) == math.isfinite(expected)


def test_hand_calculation():
    scores = np.array([5.0, 1, 4, 2, 3, 9, 8, 7, 6])
    assert upper_quantile(scores, each(9), 0.1) == 9
    assert upper_quantile(scores, each(9), 0.2) == 8
    assert upper_quantile(scores[:8], each(8), 0.1) == math.inf
    assert upper_quantile(np.array([]), each(0), 0.1) == math.inf
    # b_-i = 1.05, 1, .95 and residuals .15, 0, .15: with alpha = .25 the largest and smallest ends
    low, high = jackknife_plus(np.array([0.9, 1.0, 1.1]), each(3), 0.25)
    assert (low, high) == pytest.approx((0.8, 1.2))


def test_scans_of_one_exam_share_its_weight():
    exam = np.array([0, 0, 0, 0, 1, 2, 3])
    values = np.array([7.0, 7, 7, 7, 1, 2, 3])
    # exams 1, 2, 3 weigh 1/5 each, the four scans of exam 0 together 1/5
    assert upper_quantile(values, exam, 0.41) == 3
    assert upper_quantile(values, exam, 0.39) == 7
    assert upper_quantile(values, exam, 0.19) == math.inf
    assert upper_quantile(np.repeat(values[3:], 3), np.repeat(exam[3:], 3), 0.3) == upper_quantile(
        values[3:], exam[3:], 0.3
    )


@pytest.mark.parametrize(("n", "alpha"), [(9, 0.1), (20, 0.1), (17, 0.25)])
def test_exact_distribution_of_the_coverage(n, alpha):
    generator = np.random.default_rng(6)
    rank = math.ceil(round((n + 1) * (1 - alpha), 9))
    thresholds = np.sort(generator.random((4000, n)), axis=1)[:, rank - 1]
    exact = coverage_distribution(n, alpha)
    assert exact.mean() == pytest.approx(rank / (n + 1))
    for p in (0.1, 0.5, 0.9):
        assert np.mean(thresholds <= exact.ppf(p)) == pytest.approx(p, abs=0.03)
    counts = generator.binomial(20, thresholds) / 20
    low, high = coverage_band(n, 20, alpha)
    assert np.mean((counts >= low) & (counts <= high)) >= 0.88
    assert np.mean(counts < low) <= 0.07


def test_too_few_exams_have_no_distribution():
    assert least_subjects(0.1) == 9
    assert coverage_distribution(8, 0.1) is None
    assert coverage_distribution(99, 0.29).args == (71, 29)  # 100 * .29 is 28.999... in binary
    assert all(math.isnan(bound) for bound in coverage_band(8, 20, 0.1))
    assert all(math.isnan(bound) for bound in coverage_band(20, 0, 0.1))
