"""Mixed models: statsmodels, dense matrices, and tables that determine little or nothing."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.regression.mixed_linear_model import MixedLM

from stages.statistics.methods.mixed_model import (
    fit_mixed,
    generalised_least_squares,
    model,
)
from stages.statistics.methods.reml import one_hot


def rows(
    seed: int, n_structures: int = 9, n_subjects: int = 7, missing: float = 0.15
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return y, fixed effects, structure and subject of a crossed table with gaps."""
    generator = np.random.default_rng(seed)
    k, s = np.nonzero(generator.random((n_structures, n_subjects)) >= missing)
    fixed = np.c_[np.ones(len(k)), generator.normal(size=len(k)), generator.normal(size=9)[k]]
    y = fixed @ [1.0, 0.5, -0.3] + generator.normal(size=n_structures)[k]
    y = y + 0.7 * generator.normal(size=n_subjects)[s] + generator.normal(size=len(k))
    return y, fixed, k, s


def statsmodels_fit(y, fixed, factors: dict[str, np.ndarray]):
    """Return the fit of statsmodels: one group of all rows, a variance component a factor."""
    table = pd.DataFrame(factors | {"y": y, "all": 1})
    names = [f"x{k}" for k in range(fixed.shape[1])]
    table[names] = fixed
    components = {name: f"0 + C({name})" for name in factors}
    formula = f"y ~ 0 + {' + '.join(names)}"
    made = MixedLM.from_formula(formula, table, groups="all", vc_formula=components, re_formula="0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own optimiser
        return made.fit(reml=True, method="powell")


@pytest.mark.parametrize("seed", range(3))
def test_a_random_intercept_is_that_of_statsmodels(seed):
    y, fixed, k, _ = rows(seed)
    found = fit_mixed(y, model(fixed, [k]))
    table = pd.DataFrame({"y": y, "k": k})
    table[["a", "b", "c"]] = fixed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own optimiser
        known = MixedLM.from_formula("y ~ 0 + a + b + c", table, groups="k")
        known = known.fit(reml=True, method="powell")  # its gradient optimisers fail here
    assert found.coefficients == pytest.approx(known.fe_params.to_numpy(), rel=1e-4, abs=1e-5)
    assert found.components == pytest.approx([known.cov_re.iloc[0, 0], known.scale], rel=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_crossed_intercepts_are_those_of_statsmodels(seed):
    y, fixed, k, s = rows(seed + 20)
    found = fit_mixed(y, model(fixed, [k, s]))
    known = statsmodels_fit(y, fixed, {"k": k, "s": s})
    assert found.coefficients == pytest.approx(known.fe_params.to_numpy(), rel=1e-3, abs=1e-4)
    assert found.components[:2] == pytest.approx(known.vcomp, rel=1e-2, abs=1e-3)
    assert found.components[2] == pytest.approx(known.scale, rel=1e-3)


@given(st.integers(0, 10_000))
def test_coefficients_are_those_of_dense_matrices(seed):
    y, fixed, k, s = rows(seed)
    components = np.random.default_rng(seed).uniform(0.01, 2, 3)
    dense = components[2] * np.eye(len(y))
    for part, labels in zip(components, (k, s), strict=False):
        dense += part * one_hot(labels) @ one_hot(labels).T
    covariance = np.linalg.inv(fixed.T @ np.linalg.solve(dense, fixed))
    expected = covariance @ fixed.T @ np.linalg.solve(dense, y)
    found = generalised_least_squares(y, model(fixed, [k, s]), components)
    assert found[0] == pytest.approx(expected, rel=1e-8, abs=1e-9)
    assert found[1] == pytest.approx(covariance, rel=1e-8, abs=1e-9)


@given(st.integers(0, 10_000), st.floats(0.1, 1e3), st.floats(-100, 100))
def test_the_unit_of_a_column_changes_its_coefficient_alone(seed, unit, origin):
    y, fixed, k, s = rows(seed)
    first = fit_mixed(y, model(fixed, [k, s]))
    moved = fixed.copy()
    moved[:, 1] = unit * moved[:, 1] + origin
    found = fit_mixed(y, model(moved, [k, s]))
    assert found.components == pytest.approx(first.components, rel=1e-3, abs=1e-5)
    assert found.coefficients[1:] * [unit, 1] == pytest.approx(
        first.coefficients[1:], rel=1e-3, abs=1e-4
    )


def test_balanced_means_are_plain_means_whatever_the_components():
    generator = np.random.default_rng(1)
    k, s = (index.ravel() for index in np.indices((5, 6)))
    y, x = generator.normal(size=30), generator.normal(size=5)[k]
    design = model(np.c_[np.ones(30), x], [k, s])
    expected = np.polyfit(x[::6], y.reshape(5, 6).mean(axis=1), 1)[::-1]
    for components in ([1, 2, 1], [0, 0, 1], [3, 0, 0.1]):
        found, _ = generalised_least_squares(y, design, np.array(components, dtype=float))
        assert found == pytest.approx(expected)


def test_a_component_at_zero_is_a_fit():
    generator = np.random.default_rng(2)
    k, s = (index.ravel() for index in np.indices((6, 5)))
    y = generator.normal(size=(6, 5))
    y = (y - y.mean(axis=0)).ravel()  # subjects differ less than by accident
    found = fit_mixed(y, model(np.ones((30, 1)), [k, s]))
    assert found.components[1] == 0
    assert np.isfinite(found.coefficients).all()


def test_columns_that_depend_on_each_other_are_undefined_and_the_others_are_not():
    y, fixed, k, s = rows(5)
    twice = np.c_[fixed, fixed[:, 1]]
    found = fit_mixed(y, model(twice, [k, s]))
    expected = fit_mixed(y, model(fixed, [k, s]))
    assert np.isnan(found.coefficients[[1, 3]]).all()
    assert found.coefficients[[0, 2]] == pytest.approx(expected.coefficients[[0, 2]])
    assert found.free == expected.free


def test_a_perfect_fit_has_its_coefficients():
    _, fixed, k, s = rows(6)
    found = fit_mixed(fixed @ [1.0, 2.0, 3.0], model(fixed, [k, s]))
    assert found.coefficients == pytest.approx([1, 2, 3])
    assert found.components == pytest.approx([0, 0, 0])


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_without_freedom_nothing_is_defined_and_nothing_is_raised(n):
    labels = np.arange(n)
    found = fit_mixed(np.ones(n), model(np.eye(n, 3), [labels, labels]))
    assert np.isnan(found.components).all()
    assert np.isnan(found.coefficients).all()
    assert found.free < 1


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4), st.floats(0, 0.9))
def test_small_tables_are_numbers_or_nan(seed, n_structures, n_subjects, missing):
    y, fixed, k, s = rows(seed, n_structures, n_subjects, missing)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit_mixed(y, model(fixed, [k, s]))
    known = found.components[np.isfinite(found.components)]
    assert (known >= 0).all()
    assert len(known) in (0, 3)
