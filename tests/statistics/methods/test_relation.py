"""Correlations with intervals: their value, their units, and cohorts without any relation."""

import numpy as np
import pytest
from scipy.stats import t as student

from stages.statistics.methods.relation import (
    correlation_intervals,
    one_left_out,
    r_interval,
    relations,
    structures_left_out,
)


def test_scans_of_a_subject_are_left_out_together():
    found = one_left_out(np.array(["b", "a", "b", "c"]))
    assert found.tolist() == [[1, 1, 1, 1], [1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0]]
    assert one_left_out(np.array(["b", "a", "b"])).tolist() == [[1, 1, 1]]


def test_the_interval_is_the_jackknife_of_z():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 5, 9))
    found = relations([(x, y)], np.arange(9), 0.95)["within_structure"]

    def within(kept: np.ndarray) -> float:
        u, v = (w[:, kept] - w[:, kept].mean(axis=1, keepdims=True) for w in (x, y))
        return float(np.arctanh(np.corrcoef(u.ravel(), v.ravel())[0, 1]))

    z = np.array([within(np.arange(9) != k) for k in range(9)])
    reach = student.ppf(0.975, 8) * np.sqrt(8 / 9 * np.sum((z - z.mean()) ** 2))
    value = within(np.arange(9) < 9)
    assert found.r == pytest.approx(np.tanh(value))
    assert (found.low, found.high) == pytest.approx(np.tanh([value - reach, value + reach]))


def test_a_pooled_interval_is_wider_by_what_structures_change():
    generator = np.random.default_rng(1)
    level = generator.normal(size=(2, 12, 1))
    x, y = 0.3 * generator.normal(size=(2, 12, 20)) + level
    pooled = correlation_intervals(x, y, np.arange(20), "pearson", 0.95)["pooled"]
    r = np.corrcoef(x.ravel(), y.ravel())[0, 1]
    without = [
        np.corrcoef(np.delete(x, k, 1).ravel(), np.delete(y, k, 1).ravel())[0, 1] for k in range(20)
    ]
    subjects = r_interval(r, [np.array(without)], 0.95)
    assert pooled.high - pooled.low > 3 * (subjects.high - subjects.low)
    assert pooled.low < r < pooled.high
    assert structures_left_out(x, y)[4] == pytest.approx(
        np.corrcoef(np.delete(x, 4, 0).ravel(), np.delete(y, 4, 0).ravel())[0, 1]
    )


@pytest.mark.parametrize("n_subjects", [8, 20])
def test_without_a_relation_few_intervals_exclude_zero(n_subjects):
    """The audit: a bootstrap of subjects alone excludes 0 in 41 to 73 % of such cohorts."""
    generator = np.random.default_rng(2)
    n_cohorts, hits = 200, {"pooled": 0, "within_structure": 0}
    for _ in range(n_cohorts):
        level = 0.6 * generator.normal(size=(2, 16, 1))
        x, y = level + 0.3 * generator.normal(size=(2, 16, n_subjects))
        for scope, one in relations([(x, y)], np.arange(n_subjects), 0.95).items():
            hits[scope] += not one.low <= 0 <= one.high
    assert max(hits.values()) <= 0.06 * n_cohorts + 3 * np.sqrt(0.06 * n_cohorts), hits


def test_a_mean_over_structures_has_no_interval_below_eight_subjects():
    x, y = np.random.default_rng(3).normal(size=(2, 6, 7))
    seven = correlation_intervals(x, y, np.arange(7), "pearson", 0.95)
    assert np.isnan(seven["per_structure_mean"].low)
    assert np.isfinite(seven["within_structure"].low)
    x, y = np.random.default_rng(3).normal(size=(2, 6, 8))
    eight = correlation_intervals(x, y, np.arange(8), "spearman", 0.95)
    assert np.isfinite(eight["per_structure_mean"].low)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (16, 2), (3, 3)])
def test_tiny_cohorts_are_undefined_and_silent(shape):
    x, y = np.random.default_rng(4).normal(size=(2, *shape))
    found = relations([(x, y)], np.arange(shape[1]), 0.95, np.arange(shape[1])[None, ::-1])
    if shape[1] < 3:
        assert np.isnan([found["pooled"].low, found["within_structure"].low]).all()
    constant = relations([(np.full(shape, 0.1), y)], np.arange(shape[1]), 0.95)
    assert np.isnan(constant["within_structure"].r)


def test_a_structure_may_be_absent_from_one_of_the_pairs():
    x, y = np.random.default_rng(5).normal(size=(2, 5, 9))
    gone = x.copy()
    gone[3] = np.nan
    found = relations([(x, y), (gone, y)], np.arange(9), 0.95)["pooled"]
    assert found.low < found.r < found.high
