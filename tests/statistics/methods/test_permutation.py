"""The permutation null: exact where it can be enumerated, and right on average."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from stages.statistics.methods.correlation import centre, centre_two_way, pearson, spearman
from stages.statistics.methods.permutation import (
    benjamini_hochberg,
    critical_value,
    joint_permutations,
    max_t_p,
    p_value,
    permuted_correlations,
    permuted_within,
)


def test_exams_move_whole():
    exams = np.array(["a", "b", "a", "c", "b", "c"])
    order, unit = joint_permutations(exams, 500, np.random.default_rng(0))
    assert unit == "subjects"
    assert (np.sort(order, axis=1) == np.arange(6)).all()
    moved = exams[order]
    for first, second in ((0, 2), (1, 4), (3, 5)):
        assert (moved[:, first] == moved[:, second]).all()
    # three exams have six orders, each taken once but for the one of the study
    assert len(order) == len(np.unique(order, axis=0)) == 5
    assert not (order == np.arange(6)).all(axis=1).any()


def test_four_subjects_are_enumerated_and_no_p_is_below_one_of_24():
    found = joint_permutations(np.arange(4), 999, np.random.default_rng(0))
    every = {tuple(row) for row in found.order.tolist()} | {(0, 1, 2, 3)}
    assert every == set(permutations(range(4)))
    assert found.smallest_p == pytest.approx(1 / 24)
    x = np.array([[1.0, 2, 3, 4], [2.0, 3, 5, 9]])
    null = permuted_within(x, x, found.order)
    assert p_value(1.0, null) == pytest.approx(1 / 24)
    drawn = joint_permutations(np.arange(4), 23, np.random.default_rng(0))
    assert len(drawn.order) == 23  # fewer are asked for than there are: random, with repetitions
    assert len(np.unique(drawn.order, axis=0)) < 23


def test_few_subjects_reject_as_often_as_they_can():
    """24 orders: the null's p is uniform on k / 24, and .05 is reached in one of them."""
    generator = np.random.default_rng(6)
    hits, n_cohorts = 0, 600
    for _ in range(n_cohorts):
        x, y = generator.normal(size=(2, 5, 4))
        order = joint_permutations(np.arange(4), 999, generator).order
        r = permuted_within(x, y, np.concatenate([np.arange(4)[None], order]))
        hits += p_value(r[0], r[1:]) <= 0.05
    low, high = stats.binom.ppf([0.0005, 0.9995], n_cohorts, 1 / 24)
    assert low <= hits <= high


def test_permuted_within_is_that_of_all_scopes():
    generator = np.random.default_rng(7)
    x, y = generator.normal(size=(2, 4, 9))
    x[1, 2] = np.nan
    order = joint_permutations(np.arange(9), 30, generator).order
    expected = permuted_correlations(x, y, order, "pearson")["within_structure"]
    assert permuted_within(x, y, order) == pytest.approx(expected)


def test_exams_of_other_sizes_keep_to_themselves_or_scans_move():
    many = np.array([*"abcdef", "x", "x", "y", "y"])
    order, unit = joint_permutations(many, 200, np.random.default_rng(0))
    assert unit == "subjects with equally many scans"
    assert set(many[order[:, 6:]].ravel()) == {"x", "y"}
    assert (many[order[:, 6]] == many[order[:, 7]]).all()
    few, unit = joint_permutations(np.array([*"abb"]), 500, np.random.default_rng(0))
    assert unit == "scans"
    assert len(np.unique(few, axis=0)) == 5


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_each_order_equals_the_coefficient_of_the_reordered_table(kind):
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(2, 3, 6))
    order, _ = joint_permutations(np.arange(6), 8, generator)
    found = permuted_correlations(x, y, order, kind)
    coefficient = {"pearson": pearson, "spearman": spearman}[kind]
    rows, columns = (index.ravel() for index in np.indices(x.shape))
    for p, moved in enumerate(order):
        u, v = x[:, moved], y
        own = [coefficient(u[k], v[k]) * np.sqrt(5) for k in range(3)]
        assert found["structures"][p] == pytest.approx(own)
        within = [centre(t.ravel(), rows) for t in (u, v)]
        assert found["within_structure"][p] == pytest.approx(coefficient(*within))
        both = [centre_two_way(t.ravel(), rows, columns) for t in (u, v)]
        assert found["two_way"][p] == pytest.approx(coefficient(*both))


def test_absent_cells_meet_nobody():
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=(2, 2, 8))
    x[0, 3] = np.nan
    order, _ = joint_permutations(np.arange(8), 20, generator)
    r = permuted_correlations(x, y, order, "pearson")["structures"][:, 0]
    for p, moved in enumerate(order):
        # the pair without a predictor has no part in the target either
        met = np.isfinite(x[0, moved]) & np.isfinite(x[0])
        assert r[p] == pytest.approx(pearson(x[0, moved][met], y[0][met]) * np.sqrt(met.sum() - 1))


def test_p_by_hand_and_by_enumeration():
    assert p_value(0.5, np.array([0.1, -0.6, 0.5, np.nan, 0.2])) == pytest.approx(3 / 5)
    assert np.isnan(p_value(np.nan, np.array([0.1])))
    assert np.isnan(p_value(0.1, np.array([np.nan])))
    x, y = np.array([[1.0, 2, 3, 4, 5]]), np.array([[1.0, 3, 2, 5, 4]])
    order = np.array(list(permutations(range(5))))
    values = permuted_correlations(x, y, order, "spearman")["structures"][:, 0]
    exact = stats.permutation_test(
        (x[0],), lambda u: stats.spearmanr(u, y[0]).statistic, permutation_type="pairings"
    )
    assert np.mean(np.abs(values) >= abs(values[0]) - 1e-9) == pytest.approx(exact.pvalue)


def test_max_t_is_a_loop_over_structures():
    observed = np.array([2.0, -0.5, np.nan])
    null = np.array([[0.1, 0.7, np.nan], [-3.0, 0.2, 0.1], [0.3, 0.4, -0.2]])
    largest = [0.7, 3.0, 0.4]
    expected = [(1 + sum(m >= abs(t) for m in largest)) / 4 for t in observed[:2]]
    assert max_t_p(observed, null) == pytest.approx([*expected, np.nan], nan_ok=True)
    assert max_t_p(np.zeros(0), np.zeros((3, 0))).shape == (0,)


@given(arrays(np.float64, st.integers(1, 10), elements=st.floats(0, 1)))
def test_benjamini_hochberg_is_scipys(p):
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))
    padded = benjamini_hochberg(np.concatenate([[np.nan], p]))
    assert np.isnan(padded[0]) and padded[1:] == pytest.approx(benjamini_hochberg(p))


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_tiny_and_constant_tables_are_undefined_and_silent(kind):
    for shape in ((0, 2), (1, 1), (2, 2), (3, 4)):
        x, y = np.full(shape, 0.1), np.arange(float(np.prod(shape))).reshape(shape)
        order, _ = joint_permutations(np.arange(shape[1]), 5, np.random.default_rng(0))
        found = permuted_correlations(x, y, order, kind)
        assert all(not np.isfinite(values).any() for values in found.values())


def test_five_percent_of_null_cohorts_have_p_below_five_percent():
    """Structures of a scan share their motion, scans of an exam their person."""
    generator = np.random.default_rng(3)
    exams = np.repeat(np.arange(12), 2)
    n_cohorts, n_structures = 300, 6
    hits = {"within_structure": 0, "two_way": 0, "per_structure_mean": 0, "family": 0}
    for _ in range(n_cohorts):
        person, scan = generator.normal(size=(2, 12))[:, exams], generator.normal(size=(2, 24))
        shared = (person + scan)[:, None]
        x, y = shared + generator.normal(size=(2, n_structures, 24))
        order, _ = joint_permutations(exams, 199, generator)
        order = np.concatenate([np.arange(24)[None], order])
        found = permuted_correlations(x, y, order, "pearson")
        single = found.pop("structures")
        for scope, values in found.items():
            hits[scope] += p_value(values[0], values[1:]) <= 0.05
        hits["family"] += np.min(max_t_p(single[0], single[1:])) <= 0.05
    # 99.9 % of a binomial of 300 trials at .05
    low, high = stats.binom.ppf([0.0005, 0.9995], n_cohorts, 0.05)
    assert all(low <= count <= high for count in hits.values()), hits


def test_a_true_link_is_found_in_its_structure():
    generator = np.random.default_rng(5)
    x, y = generator.normal(size=(2, 16, 20))
    y[3] += 3 * x[3]
    order, _ = joint_permutations(np.arange(20), 499, generator)
    order = np.concatenate([np.arange(20)[None], order])
    values = permuted_correlations(x, y, order, "pearson")["structures"]
    p = max_t_p(values[0], values[1:])
    assert p[3] == pytest.approx(1 / 500)
    assert (np.delete(p, 3) > 0.05).all()


def test_the_critical_value_is_where_p_becomes_significant() -> None:
    null = np.random.default_rng(0).normal(size=199)
    for alpha in (0.01, 0.05, 0.2):
        limit = critical_value(null, alpha)
        assert p_value(limit + 1e-6, null) <= alpha < p_value(limit - 1e-6, null)


def test_so_few_permutations_that_none_is_significant_have_no_critical_value() -> None:
    assert np.isnan(critical_value(np.arange(9.0), 0.05))
    assert np.isnan(critical_value(np.full(99, np.nan), 0.05))
    assert critical_value(np.arange(19.0), 0.05) == 18.0
