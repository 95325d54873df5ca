"""Deming regression against orthogonal and ordinary least squares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import linregress

from stages.statistics.methods.deming import deming, deming_intervals


def cohort(seed: int, n: int = 9, members: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return volumes of members and of the reference; slope 1.2, intercept 3."""
    generator = np.random.default_rng(seed)
    true = generator.uniform(5, 10, n)
    volumes = 3 + 1.2 * true[:, None] + 0.2 * generator.normal(size=(n, members))
    return volumes, true + 0.1 * generator.normal(size=n)


@given(st.integers(0, 10_000))
def test_equal_errors_are_orthogonal_regression(seed):
    volumes, reference = cohort(seed, members=1)
    _, vectors = np.linalg.eigh(np.cov(reference, volumes[:, 0]))
    found = deming(volumes, reference, 1.0)
    assert found.slope == pytest.approx(vectors[1, 1] / vectors[0, 1])
    assert found.intercept == pytest.approx(volumes.mean() - found.slope * reference.mean())


def test_a_reference_without_errors_is_ordinary_least_squares():
    volumes, reference = cohort(1, members=1)
    known = linregress(reference, volumes[:, 0])
    found = deming(volumes, reference, 1e9)
    assert found == pytest.approx((known.slope, known.intercept), rel=1e-6)


def test_the_line_minimises_the_weighted_distances():
    volumes, reference = cohort(2, members=1)
    y, ratio = volumes[:, 0], 4.0

    def distance(line: np.ndarray) -> float:
        rest = y - line[1] - line[0] * reference
        return float(np.sum(rest**2 / (ratio + line[0] ** 2)))

    options = {"xatol": 1e-10, "fatol": 1e-14, "maxiter": 4000}
    known = minimize(distance, [1.0, 0.0], method="Nelder-Mead", options=options).x
    assert deming(volumes, reference, ratio) == pytest.approx(known, rel=1e-5)


def test_intervals_hold_the_line_and_widen_with_scans_of_one_subject():
    volumes, reference = cohort(3, n=12)
    slope, intercept = deming_intervals(volumes, reference, 4.0, np.arange(12), 0.95)
    assert slope.low < 1.2 < slope.high
    assert intercept.low < 3 < intercept.high
    line = deming(volumes, reference, 4.0)
    assert (slope.low + slope.high) / 2 == pytest.approx(line.slope)


@pytest.mark.parametrize("ratio", [0.0, np.nan, np.inf])
def test_errors_that_are_not_known_leave_no_line(ratio):
    assert np.isnan(deming(*cohort(4), ratio)).all()


def test_no_relation_and_two_scans_leave_no_line():
    volumes, reference = cohort(5)
    assert np.isnan(deming(-volumes, reference, 1.0)).all()
    assert np.isnan(deming(volumes[:2], reference[:2], 1.0)).all()


def test_slopes_are_covered():
    hits = 0
    for seed in range(200):
        volumes, reference = cohort(seed, n=10)
        slope, _ = deming_intervals(volumes, reference, 4.0, np.arange(10), 0.95)
        hits += slope.low <= 1.2 <= slope.high
    assert hits / 200 > 0.88
