"""Correlations in a draw against the table with its scans repeated."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.bootstrap import cluster_draws
from stages.statistics.methods.correlation import (
    centre_two_way,
    correlation_table,
    fisher_mean,
    spearman,
)
from stages.statistics.methods.resampled_correlation import (
    correlation_draws,
    fisher_means,
)

SCOPES = ("per_structure_mean", "pooled", "within_structure", "two_way")


@given(st.lists(st.floats(-1, 1) | st.just(float("nan")), min_size=1, max_size=6))
def test_fisher_means_are_fisher_mean(r):
    assert fisher_means(np.array([r, r]), 7) == pytest.approx(
        [fisher_mean(np.array(r), 7)] * 2, nan_ok=True
    )


def cohort(n_structures: int, n_subjects: int, share: float, seed: int) -> pd.DataFrame:
    """Return pairs with x, y of which a share exists; y has a part of x, effects and ties."""
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
    x, y = (pair_matrix(table, c, list(range(4)), list(range(9))) for c in "xy")
    weights = cluster_draws(np.arange(n_subjects) // 2, 12, np.random.default_rng(1))
    draws = correlation_draws(x, y, weights, kind)
    for b, w in enumerate(weights):
        if (w > 0).sum() < 3:
            continue
        expected = correlation_table(repeated(table, w), ["x"], "y").set_index("scope")[kind]
        if kind == "spearman":
            expected["two_way"] = two_way_ranks(repeated(table, w))
        for scope in ("pooled", "within_structure", "two_way"):
            assert draws[scope][b] == pytest.approx(expected[scope], abs=1e-9), scope


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_weights_of_one_give_the_table(kind):
    table = cohort(5, 8, 0.9, 5)
    x, y = (pair_matrix(table, c, list(range(5)), list(range(8))) for c in "xy")
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
