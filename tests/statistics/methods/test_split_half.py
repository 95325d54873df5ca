"""Reliability from two halves against known truth, and prediction without shared noise."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.measures.members import halves_of
from stages.statistics.methods.disjoint_halves import Cohorts, disjoint_r2, half_targets
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.reliability import sampling_variance
from stages.statistics.methods.split_half import (
    full_length,
    log_variability,
    reliability,
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
    length = sampling_variance(6) / sampling_variance(12)
    assert full_length(np.array(0.5), 6, 6) == pytest.approx(length * 0.5 / (1 + (length - 1) / 2))
    assert 2.2 < length < 2.6
    assert full_length(np.array([-0.3, 0.0]), 6, 6).tolist() == [0, 0]
    assert full_length(np.array(1.0), 6, 6) == pytest.approx(1)
    assert np.isnan(full_length(np.array(np.nan), 6, 6))


@given(st.floats(1e-3, 10), st.integers(2, 8), st.integers(2, 8))
def test_unequal_halves_are_solved_exactly(variance, n_first, n_second):
    a, b, whole = (sampling_variance(n) for n in (n_first, n_second, n_first + n_second))
    r = variance / np.sqrt((variance + a) * (variance + b))
    expected = variance / (variance + whole)
    assert full_length(np.array(r), n_first, n_second) == pytest.approx(expected, rel=1e-6)


def alone(table: pd.DataFrame) -> dict[str, str]:
    return {name: name for name in table["subject"]}


def whole(table: pd.DataFrame, n_orders: int = 1) -> Cohorts:
    """Return the cohort of a table, with some orders of its scans."""
    n = table["subject"].nunique()
    orders = np.random.default_rng(0).permuted(np.tile(np.arange(n), (n_orders, 1)), axis=1)
    return Cohorts(alone(table), orders, 0.95)


def test_agreement_of_halves_is_a_loop_over_divisions():
    generator = np.random.default_rng(1)
    cube = cube_of(true_log_cv(0.4, generator)[:3, :6], 5, generator)
    z = []
    for half in splits(5, 100, generator):
        x, y = log_variability(cube[..., half]), log_variability(cube[..., ~half])
        x, y = (v - v.mean(axis=1, keepdims=True) for v in (x, y))
        z.append(np.arctanh(np.corrcoef(x.ravel(), y.ravel())[0, 1]))
    table = table_of(cube)
    tree, _ = reliability(table, alone(table), 100, 0.95, generator)
    expected = max(0.0, np.tanh(np.mean(z)))
    assert tree["within_structure"]["between_halves"]["value"] == pytest.approx(expected)


def test_offsets_common_to_all_scans_leave_the_ceiling_where_it_is():
    """The audit's case: an estimate for independent errors gave .10 where .38 is true."""
    generator = np.random.default_rng(3)
    n_members, offset, sd = 4, 0.65, 0.3
    common = generator.normal(size=(400, 1, n_members))
    own = generator.normal(size=(400, 50, n_members))
    s = np.log((np.sqrt(offset) * common + np.sqrt(1 - offset) * own).std(axis=-1, ddof=1))
    truth = sd**2 / (sd**2 + s.var(axis=1, ddof=1).mean())
    found = []
    for _ in range(60):
        log_cv = true_log_cv(sd, generator)
        common = generator.normal(size=(N_STRUCTURES, 1, n_members))
        own = generator.normal(size=(*log_cv.shape, n_members))
        deviation = np.sqrt(offset) * common + np.sqrt(1 - offset) * own
        table = table_of(1000 * (1 + np.exp(log_cv)[..., None] * deviation))
        tree, _ = reliability(table, alone(table), 10, 0.95, generator)
        found.append(tree["within_structure"]["split_half"]["value"])
    assert truth == pytest.approx(0.36, abs=0.04)
    assert np.mean(found) == pytest.approx(truth, abs=0.08)


def test_intervals_cover_the_true_reliability_of_the_halves():
    generator = np.random.default_rng(4)
    sd = 0.3
    truth = sd**2 / (sd**2 + sampling_variance(N_MEMBERS // 2))
    n_cohorts, covered = 60, 0
    for _ in range(n_cohorts):
        table = table_of(cube_of(true_log_cv(sd, generator), N_MEMBERS, generator))
        tree, _ = reliability(table, alone(table), 10, 0.95, generator)
        leaf = tree["within_structure"]["between_halves"]
        assert leaf["low"] <= leaf["value"] <= leaf["high"]
        covered += leaf["low"] <= truth <= leaf["high"]
    assert covered >= 0.85 * n_cohorts


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
    tree, rows = reliability(table, exams, 10, 0.95, generator)
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
        reliability(table, exams, 10, 0.95, np.random.default_rng(1))[0] for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("n_members", [1, 2, 3])
def test_halves_of_one_member_are_undefined_and_named(n_members):
    generator = np.random.default_rng(8)
    table = table_of(cube_of(true_log_cv(0.3, generator)[:3, :2], n_members, generator))
    exams = {name: name for name in table["subject"]}
    tree, _ = reliability(table, exams, 10, 0.95, generator)
    kept, gaps = without_gaps(tree)
    assert kept["n_splits"] == 0
    assert "within_structure.split_half.value" in gaps
    values = np.ones((3, 2)) if n_members > 1 else np.zeros((3, 2))
    found = disjoint_r2(table, half_predictors(table, values), ["mean"], whole(table))
    assert found["n_undefined"] > 0
    assert np.isnan(found["disjoint"]["pooled"]["r"])


def test_cells_without_variation_or_volume_are_left_out():
    generator = np.random.default_rng(9)
    cube = cube_of(true_log_cv(0.3, generator)[:4, :6], 6, generator)
    cube[0, 0] = 1000.0
    cube[1, 1, 2] = np.nan
    table = table_of(cube)
    table = table[table["volume_mm3"].notna()]
    exams = {name: name for name in table["subject"]}
    _, gaps = without_gaps(reliability(table, exams, 10, 0.95, generator)[0])
    assert gaps == []
    predictors = half_predictors(table, generator.normal(size=(4, 6)))
    found = disjoint_r2(table, predictors, ["mean"], whole(table, 20))
    assert without_gaps(found)[1] == []
    assert found["n_undefined"] == 3
    assert found["n_pairs"] == 2 * 24 - 3
