"""The bootstrap of exams against the same computation on repeated rows, and its coverage."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, rankdata
from scipy.stats import t as student

from stages.statistics.methods.arrays import cell_matrix
from stages.statistics.methods.bootstrap import cluster_draws, expanded_level, interval
from stages.statistics.methods.correlation import (
    centre_two_way,
    correlation_table,
    fisher_mean,
    spearman,
)
from stages.statistics.methods.regression import in_sample_r2
from stages.statistics.methods.resampled_correlation import (
    correlation_draws,
    fisher_means,
    within_draws,
)
from stages.statistics.methods.resampled_r2 import r2_draws
from stages.statistics.methods.weighted import weighted_ranks

MANY = 10**6  # exams: percentiles as they are

SCOPES = ("per_structure_mean", "pooled", "within_structure", "two_way")


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


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_weighted_ranks_are_those_of_repeated_values(pairs):
    values, weights = np.array(pairs, dtype=float).T
    repeated = np.repeat(values, weights.astype(int))
    ranks = weighted_ranks(values[None], weights[None])[0]
    for value, rank, weight in zip(values, ranks, weights, strict=True):
        if weight:
            assert rank == rankdata(repeated)[repeated == value][0]


@given(st.lists(st.floats(-1, 1) | st.just(float("nan")), min_size=1, max_size=6))
def test_fisher_means_are_fisher_mean(r):
    assert fisher_means(np.array([r, r]), 7) == pytest.approx(
        [fisher_mean(np.array(r), 7)] * 2, nan_ok=True
    )


def cohort(n_structures: int, n_subjects: int, share: float, seed: int) -> pd.DataFrame:
    """Return cells with x, y of which a share exists; y has a part of x, effects and ties."""
    generator = np.random.default_rng(seed)
    k, s = (index.ravel() for index in np.indices((n_structures, n_subjects)))
    x = generator.normal(size=len(k)) + k + generator.normal(size=n_subjects)[s]
    y = 5 + 0.5 * x + np.round(generator.normal(size=len(k)), 1)
    table = pd.DataFrame({"structure": k, "subject": s, "x": x, "y": y})
    return table[generator.random(len(k)) < share].reset_index(drop=True)


def repeated(table: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
    """Return the table in which scan s stands weights[s] times under names of its own."""
    copies = [
        table[table["subject"] == s].assign(subject=f"{s}-{copy}")
        for s, weight in enumerate(weights)
        for copy in range(weight)
    ]
    return pd.concat(copies).sort_values("structure", kind="stable")


def two_way_ranks(table: pd.DataFrame) -> float:
    """Return Spearman's coefficient of residuals, those of copies made equal to the last digit."""
    rows, columns = table["structure"].to_numpy(), table["subject"].to_numpy()
    x, y = (centre_two_way(table[c].to_numpy(), rows, columns).round(9) for c in "xy")
    return spearman(x, y)


@pytest.mark.parametrize("share", [1.0, 0.8])
@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_a_draw_equals_the_repeated_table(share, kind):
    n_structures, n_subjects = 4, 9
    table = cohort(n_structures, n_subjects, share, 3)
    x, y = (cell_matrix(table, c, list(range(4)), list(range(9))) for c in "xy")
    weights = cluster_draws(np.arange(n_subjects) // 2, 12, np.random.default_rng(1))
    draws = correlation_draws(x, y, weights, kind)
    for b, w in enumerate(weights):
        expected = correlation_table(repeated(table, w), ["x"], "y").set_index("scope")[kind]
        if kind == "spearman":
            expected["two_way"] = two_way_ranks(repeated(table, w))
        for scope in ("pooled", "within_structure", "two_way"):
            assert draws[scope][b] == pytest.approx(expected[scope], abs=1e-9), scope
        for k in range(n_structures):
            distinct = int(((w > 0) & np.isfinite(x[k])).sum())
            if distinct >= 3:
                assert draws["structures"][b, k] == pytest.approx(expected[k], abs=1e-9)
            else:
                assert np.isnan(draws["structures"][b, k])


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_weights_of_one_give_the_table(kind):
    table = cohort(5, 8, 0.9, 5)
    x, y = (cell_matrix(table, c, list(range(5)), list(range(8))) for c in "xy")
    draws = correlation_draws(x, y, np.ones((1, 8)), kind)
    expected = correlation_table(table, ["x"], "y").set_index("scope")[kind]
    for scope in SCOPES:
        assert draws[scope][0] == pytest.approx(expected[scope], abs=1e-9)


@given(st.integers(0, 3), st.integers(1, 3), st.sampled_from(["pearson", "spearman"]))
def test_tiny_and_constant_tables_are_undefined_and_silent(n_structures, n_subjects, kind):
    x = np.full((n_structures, n_subjects), 0.1)
    y = np.arange(float(x.size)).reshape(x.shape)
    draws = correlation_draws(x, y, np.ones((2, n_subjects)), kind)
    assert all(np.isnan(draws[scope]).all() for scope in SCOPES)
    gone = correlation_draws(np.full_like(x, np.nan), y, np.ones((2, n_subjects)), kind)
    assert all(np.isnan(gone[scope]).all() for scope in SCOPES)


def test_r2_of_a_draw_is_that_of_repeated_rows():
    generator = np.random.default_rng(2)
    base = generator.normal(size=(40, 3))
    x = np.column_stack([base, base @ [1.0, -2.0, 0.5], np.full(40, 0.1), base[:, 0] * 1e-4])
    y = base[:, 0] + generator.normal(size=40)
    weights = cluster_draws(np.arange(40) // 2, 20, generator)
    expected = [in_sample_r2(np.repeat(x, w, axis=0), np.repeat(y, w)) for w in weights]
    assert r2_draws(x, y, weights) == pytest.approx(expected, abs=1e-9)
    assert np.isnan(r2_draws(x, np.full(40, 3.0), weights)).all()
    assert r2_draws(np.full((40, 2), 0.3), y, weights) == pytest.approx(np.zeros(20), abs=1e-12)
    few = np.zeros((1, 40), dtype=int)
    few[0, :4] = 1
    assert np.isnan(r2_draws(x, y, few)).all()


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
