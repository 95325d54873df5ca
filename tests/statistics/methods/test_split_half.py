"""Reliability from two halves against known truth, and prediction without shared noise."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.measures.members import halves_of
from stages.statistics.methods.disjoint_halves import disjoint_r2, half_targets
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.reliability import noise_ceiling, sampling_variance
from stages.statistics.methods.split_half import (
    analytic_draws,
    full_length,
    half_correlations,
    log_variability,
    reliability,
    spearman_brown,
    splits,
)

N_MEMBERS, N_SCANS, N_STRUCTURES = 12, 20, 16


def true_log_cv(sd: float, generator: np.random.Generator) -> np.ndarray:
    """Return ln CV of (structure, scan): structures differ by 0.5, scans of each by `sd`."""
    level = generator.normal(np.log(0.02), 0.5, size=(N_STRUCTURES, 1))
    return level + generator.normal(0, sd, size=(N_STRUCTURES, N_SCANS))


def cube_of(log_cv: np.ndarray, n_members: int, generator: np.random.Generator) -> np.ndarray:
    return 1000 * (
        1 + np.exp(log_cv)[..., None] * generator.normal(size=(*log_cv.shape, n_members))
    )


def table_of(cube: np.ndarray) -> pd.DataFrame:
    k, s, m = (index.ravel() for index in np.indices(cube.shape))
    columns = {"member": m, "subject": s, "structure": k, "volume_mm3": cube.ravel()}
    table = pd.DataFrame(columns)
    names = {"subject": "sub-" + table["subject"].astype(str), "group": "unet"}
    return table.assign(**names, structure="k" + table["structure"].astype(str))


def test_halves_alternate_in_sorted_order():
    assert halves_of([7, 1, 3, 10]) == ([1, 7], [3, 10])
    assert halves_of([2, 0, 1]) == ([0, 2], [1])


@given(st.integers(0, 13), st.integers(1, 40))
def test_divisions_are_distinct_halves(n_members, n_splits):
    first = splits(n_members, n_splits, np.random.default_rng(0))
    if n_members < 4:
        assert first.shape == (0, n_members)
        return
    assert (first.sum(axis=1) == n_members // 2).all()
    divisions = {
        frozenset([tuple(row), tuple(~row)]) for row in first.tolist() for row in [np.array(row)]
    }
    assert len(divisions) == len(first) <= n_splits


def test_few_divisions_are_all_of_them():
    assert len(splits(4, 100, np.random.default_rng(0))) == 3
    found = {tuple(np.nonzero(row)[0]) for row in splits(5, 100, np.random.default_rng(0))}
    assert found == set(combinations(range(5), 2))


def test_length_correction_by_hand():
    assert spearman_brown(0.5) == pytest.approx(2 / 3)
    length = sampling_variance(6) / sampling_variance(12)
    assert full_length(np.array(0.5), 6, 6) == pytest.approx(spearman_brown(0.5, length))
    assert 2.2 < length < 2.6
    assert full_length(np.array([-0.3, 0.0]), 6, 6).tolist() == [0, 0]
    assert full_length(np.array(1.0), 6, 6) == pytest.approx(1)
    assert np.isnan(full_length(np.array(np.nan), 6, 6))
    assert np.isnan(spearman_brown(np.nan))


@given(st.floats(1e-3, 10), st.integers(2, 8), st.integers(2, 8))
def test_unequal_halves_are_solved_exactly(variance, n_first, n_second):
    a, b, whole = (sampling_variance(n) for n in (n_first, n_second, n_first + n_second))
    r = variance / np.sqrt((variance + a) * (variance + b))
    expected = variance / (variance + whole)
    assert full_length(np.array(r), n_first, n_second) == pytest.approx(expected, rel=1e-6)


def test_correlation_between_halves_is_a_loop_over_divisions():
    generator = np.random.default_rng(1)
    cube = cube_of(true_log_cv(0.4, generator)[:3, :6], 5, generator)
    first = splits(5, 100, generator)
    z = []
    for half in first:
        x, y = log_variability(cube[..., half]), log_variability(cube[..., ~half])
        x, y = (v - v.mean(axis=1, keepdims=True) for v in (x, y))
        z.append(np.arctanh(np.corrcoef(x.ravel(), y.ravel())[0, 1]))
    found = half_correlations(cube, first, np.ones((1, 6)))
    assert found["within_structure"] == pytest.approx(np.tanh(np.mean(z)))


def test_analytic_estimate_of_the_table_is_the_ceiling():
    generator = np.random.default_rng(2)
    log_cv = true_log_cv(0.3, generator)
    found = analytic_draws(log_cv, 12, np.ones((1, N_SCANS)), 1)
    structure = np.repeat(np.arange(N_STRUCTURES), N_SCANS)
    assert found["pooled"] == pytest.approx(noise_ceiling(log_cv.ravel(), 12))
    assert found["within_structure"] == pytest.approx(noise_ceiling(log_cv.ravel(), 12, structure))


@pytest.mark.parametrize(("n_members", "sd"), [(12, 0.2), (12, 0.4), (11, 0.3)])
def test_both_estimates_find_the_true_reliability(n_members, sd):
    generator = np.random.default_rng(3)
    truth = sd**2 / (sd**2 + sampling_variance(n_members))
    first = splits(n_members, 20, generator)
    weights = np.ones((1, N_SCANS))
    found = {"split_half": [], "spearman_brown": [], "analytic": []}
    for _ in range(40):
        cube = cube_of(true_log_cv(sd, generator), n_members, generator)
        r = half_correlations(cube, first, weights)["within_structure"][0]
        sizes = (n_members // 2, n_members - n_members // 2)
        found["split_half"].append(float(full_length(r, *sizes)))
        found["spearman_brown"].append(float(spearman_brown(r)))
        analytic = analytic_draws(log_variability(cube), n_members, weights, 1)
        found["analytic"].append(analytic["within_structure"][0])
    means = {name: np.mean(values) for name, values in found.items()}
    assert means["split_half"] == pytest.approx(truth, abs=0.04)
    assert means["analytic"] == pytest.approx(truth, abs=0.04)
    # the sampling variance of ln s falls faster than the formula for tests of double length holds
    assert means["spearman_brown"] < means["split_half"]


def test_intervals_cover_the_true_reliability():
    generator = np.random.default_rng(4)
    sd = 0.3
    truth = sd**2 / (sd**2 + sampling_variance(N_MEMBERS))
    exams = {f"sub-{s}": f"exam-{s // 2}" for s in range(N_SCANS)}
    covered = {"split_half": 0, "analytic": 0}
    n_cohorts = 40
    for _ in range(n_cohorts):
        table = table_of(cube_of(true_log_cv(sd, generator), N_MEMBERS, generator))
        tree, _ = reliability(table, exams, 10, 200, 0.95, generator)
        for name in covered:
            leaf = tree["within_structure"][name]
            assert leaf["low"] <= leaf["value"] <= leaf["high"]
            covered[name] += leaf["low"] <= truth <= leaf["high"]
    assert min(covered.values()) >= 0.8 * n_cohorts, covered


def half_predictors(table: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """Return the same predictor (structure, scan) for both halves."""
    pairs = half_targets(table)[["structure", "subject", "half"]]
    k, s = (
        pairs[c].str.extract(r"(\d+)", expand=False).astype(int) for c in ("structure", "subject")
    )
    return pairs.assign(mean=values[k, s])


def test_table_and_tree_hold_the_same_numbers():
    generator = np.random.default_rng(6)
    table = table_of(cube_of(true_log_cv(0.3, generator)[:4, :6], 6, generator))
    exams = {name: name for name in table["subject"]}
    tree, rows = reliability(table, exams, 10, 50, 0.95, generator)
    assert tree["n_splits"] == 10
    assert rows["scope"].unique().tolist() == ["pooled", "within_structure"]
    for row in rows.itertuples():
        leaf = tree[row.scope][row.estimate]
        assert leaf == {"value": row.value, "low": row.low, "high": row.high}


def test_the_seed_decides():
    generator = np.random.default_rng(7)
    table = table_of(cube_of(true_log_cv(0.3, generator)[:4, :6], 12, generator))
    exams = {name: name for name in table["subject"]}
    first, second = (
        reliability(table, exams, 10, 50, 0.95, np.random.default_rng(1))[0] for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("n_members", [1, 2, 3])
def test_halves_of_one_member_are_undefined_and_named(n_members):
    generator = np.random.default_rng(8)
    table = table_of(cube_of(true_log_cv(0.3, generator)[:3, :2], n_members, generator))
    exams = {name: name for name in table["subject"]}
    tree, _ = reliability(table, exams, 10, 20, 0.95, generator)
    kept, gaps = without_gaps(tree)
    assert kept["n_splits"] == 0
    assert "within_structure.split_half.value" in gaps
    values = np.ones((3, 2)) if n_members > 1 else np.zeros((3, 2))
    found = disjoint_r2(table, half_predictors(table, values), ["mean"])
    assert found["n_undefined"] > 0
    assert np.isnan(found["disjoint"]["pooled_r"])


def test_cells_without_variation_or_volume_are_left_out():
    generator = np.random.default_rng(9)
    cube = cube_of(true_log_cv(0.3, generator)[:4, :6], 6, generator)
    cube[0, 0] = 1000.0
    cube[1, 1, 2] = np.nan
    table = table_of(cube)
    table = table[table["volume_mm3"].notna()]
    exams = {name: name for name in table["subject"]}
    _, gaps = without_gaps(reliability(table, exams, 10, 50, 0.95, generator)[0])
    assert gaps == []
    found = disjoint_r2(table, half_predictors(table, generator.normal(size=(4, 6))), ["mean"])
    assert found["n_undefined"] == 3
    assert found["n_pairs"] == 2 * 24 - 3
