"""What predictors explain that cannot know the scan: against loops, draws and statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm

from stages.statistics.methods.baselines import (
    partial_r2,
    permuted_r2,
    random_structure_r2,
    wrong_subject,
)
from stages.statistics.methods.permutation import joint_permutations
from stages.statistics.methods.regression import group_means_r2, in_sample_r2, within_group_r2


def cohort(seed: int, n: tuple[int, int] = (6, 9)) -> tuple[np.ndarray, np.ndarray]:
    """Return three predictors and a target that all tell structures apart, and nothing else."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n[0], 1, 3)) + 0.3 * generator.normal(size=(*n, 3))
    y = generator.normal(size=(n[0], 1)) + 0.3 * generator.normal(size=n)
    return x, y


@pytest.mark.parametrize("absent", [False, True])
@pytest.mark.parametrize("within", [False, True])
def test_each_order_is_the_regression_of_the_reordered_table(absent, within):
    x, y = cohort(0)
    if absent:
        x[2, 3], y[4, 5] = np.nan, np.nan
    order = joint_permutations(np.arange(9), 12, np.random.default_rng(0)).order
    observed, null = permuted_r2(x, y, order, within=within)
    structure = np.repeat(np.arange(6), 9)
    for moved, r2 in zip([np.arange(9), *order], [observed, *null], strict=True):
        u, v = x[:, moved].reshape(-1, 3), y.ravel()
        known = np.isfinite(u).all(axis=1) & np.isfinite(v)
        u, v, k = u[known], v[known], structure[known]
        expected = within_group_r2(u, v, k) if within else in_sample_r2(u, v)
        assert r2 == pytest.approx(expected)


def test_predictors_of_structures_explain_much_with_the_wrong_subject_too():
    """The audit: p / (n - 1) says .02 where R2 of another subject is as large as one's own."""
    found = [
        wrong_subject(*cohort(seed, (8, 20)), joint_permutations(
            np.arange(20), 99, np.random.default_rng(seed)).order)
        for seed in range(60)
    ]  # fmt: skip
    assert np.mean([one.mean for one in found]) > 0.25
    assert all(one.mean < one.p95 for one in found)
    assert np.mean([one.p <= 0.05 for one in found]) < 0.15


def test_a_number_drawn_for_each_structure():
    generator = np.random.default_rng(1)
    structure = np.repeat(np.arange(10), 6)
    y = generator.normal(size=10)[structure] + generator.normal(size=60)
    means = group_means_r2(y, structure)
    drawn = [in_sample_r2(generator.normal(size=(10, 3))[structure], y) for _ in range(3000)]
    found = random_structure_r2(means, 3, 10)
    assert found.mean == pytest.approx(np.mean(drawn), abs=0.01)
    assert found.p95 == pytest.approx(np.quantile(drawn, 0.95), abs=0.02)
    assert random_structure_r2(means, 9, 10) == (means, means)  # as many as tell all apart


def test_partial_r2_is_that_of_nested_regressions():
    generator = np.random.default_rng(2)
    x, size = generator.normal(size=(40, 2)), generator.normal(size=40)
    y = x[:, 0] + size + generator.normal(size=40)
    alone = sm.OLS(y, sm.add_constant(size)).fit()
    both = sm.OLS(y, sm.add_constant(np.column_stack([size, x]))).fit()
    assert partial_r2(x, y, size) == pytest.approx(1 - both.ssr / alone.ssr)
    assert partial_r2(size[:, None], y, size) == pytest.approx(0, abs=1e-9)
    groups = np.arange(40) // 5
    dummies = np.eye(8)[groups]
    alone = sm.OLS(y, np.column_stack([dummies, size])).fit()
    both = sm.OLS(y, np.column_stack([dummies, size, x])).fit()
    assert partial_r2(x, y, size, groups) == pytest.approx(1 - both.ssr / alone.ssr)


def test_without_freedom_nothing_is_defined():
    x, y = cohort(3, (1, 3))
    order = np.array([[2, 1, 0]])
    assert np.isnan(wrong_subject(x, y, order)).all()
    assert np.isnan(wrong_subject(x, np.full_like(y, 2.0), order)).all()
