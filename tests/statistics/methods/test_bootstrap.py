"""The bootstrap of exams against the same computation on repeated rows, and its coverage."""

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from stages.statistics.methods.bootstrap import (
    cluster_draws,
    expanded_level,
    for_distinct,
    interval,
)
from stages.statistics.methods.resampled_correlation import (
    within_draws,
)

MANY = 10**6  # exams: percentiles as they are


def test_exams_are_drawn_whole():
    exams = np.array(["a", "b", "a", "c", "d"])
    weights = cluster_draws(exams, 4000, np.random.default_rng(0))
    assert weights.shape == (4000, 5)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3, 4]].sum(axis=1) == 4).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(5), abs=0.06)


def test_two_exams_give_no_draw():
    weights = cluster_draws(np.array([0, 0, 1, 1]), 10, np.random.default_rng(0))
    assert weights.shape == (0, 4)
    assert interval(np.zeros(0), 0.95, 2).n_defined == 0
    assert np.isnan(interval(np.zeros(9), 0.95, 2)[:2]).all()


def test_interval_counts_what_is_defined():
    values = np.concatenate([np.arange(101.0), [np.nan, np.nan]])
    assert interval(values, 0.9, MANY) == pytest.approx((5.0, 95.0, 101), rel=1e-4)
    low, high, n_defined = interval(np.full(3, np.nan), 0.9, MANY)
    assert np.isnan([low, high]).all() and n_defined == 0
    with pytest.raises(ValueError, match="between 0 and 1, got 95"):
        interval(values, 95, MANY)


@pytest.mark.parametrize("n_exams", [3, 4, 10, 40])
def test_expanded_percentiles_of_a_mean_are_students_interval(n_exams):
    """Bootstrap means are normal with the variance of the divisor n, over n."""
    sd = np.sqrt((n_exams - 1) / n_exams / n_exams)  # of the draws, where s = 1
    upper = norm(0, sd).ppf((1 + expanded_level(0.95, n_exams)) / 2)
    assert upper == pytest.approx(student(n_exams - 1).ppf(0.975) / np.sqrt(n_exams), rel=1e-6)


@pytest.mark.parametrize("n_exams", [8, 20])
def test_intervals_of_a_mean_cover_whatever_the_number_of_exams(n_exams):
    """Means of normal variables; no draw of four exams leaves their range, which covers 0.875."""
    generator = np.random.default_rng(7)
    n_cohorts, covered = 1500, 0
    for _ in range(n_cohorts):
        values = generator.normal(size=n_exams)
        weights = cluster_draws(np.arange(n_exams), 400, generator)
        low, high, _ = interval(weights @ values / n_exams, 0.9, n_exams)
        covered += low <= 0 <= high
    assert covered / n_cohorts == pytest.approx(0.9, abs=0.035)


def test_interval_of_exams_covers_where_that_of_scans_does_not():
    """Pairs of scans of one person are one observation."""
    generator = np.random.default_rng(4)
    rho, n_exams, n_structures = 0.5, 24, 6
    exams = np.repeat(np.arange(n_exams), 2)
    covered = {"exam": 0, "scan": 0}
    n_cohorts = 200
    for _ in range(n_cohorts):
        u, v = generator.normal(size=(2, n_structures, n_exams))
        x, y = u[:, exams // 1], (rho * u + np.sqrt(1 - rho**2) * v)[:, exams]
        # structures of a person resemble each other as well
        shared = generator.normal(size=(2, n_exams))
        x = x + shared[0, exams]
        y = y + (rho * shared[0] + np.sqrt(1 - rho**2) * shared[1])[exams]
        for name, clusters in (("exam", exams), ("scan", np.arange(2 * n_exams))):
            weights = cluster_draws(clusters, 200, generator)
            low, high, _ = interval(within_draws(x, y, weights), 0.95, len(set(clusters)))
            covered[name] += low <= rho <= high
    assert 0.87 <= covered["exam"] / n_cohorts <= 0.99
    assert covered["scan"] < covered["exam"] - 0.05 * n_cohorts


def test_repeated_draws_are_computed_once() -> None:
    rows = np.array([[2, 0], [1, 1], [2, 0], [0, 2], [1, 1]])
    asked = []

    def statistics(different: np.ndarray) -> dict[str, np.ndarray]:
        asked.append(len(different))
        return {"sum": different @ np.array([1.0, 10.0]), "rows": different}

    found = for_distinct(rows, statistics)
    assert asked == [3]
    assert found["sum"].tolist() == [2.0, 11.0, 2.0, 20.0, 11.0]
    assert (found["rows"] == rows).all()
