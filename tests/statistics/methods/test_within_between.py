"""Slopes within and between structures: known relations, refits, and the full crossed model."""

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from stages.statistics.methods.mixed_model import fit_mixed, model
from stages.statistics.methods.within_between import Table, fit_slopes


def table(
    seed: int = 0, n_structures: int = 8, n_scans: int = 6, missing: float = 0.0, noise: float = 0.5
) -> Table:
    """Return a table of slopes 2 within and -1 between, ln volume 0.5."""
    generator = np.random.default_rng(seed)
    shape = (n_structures, n_scans)
    within = generator.normal(size=shape)
    within -= within.mean(axis=1, keepdims=True)
    between, size = generator.normal(size=(n_structures, 1)), generator.normal(size=shape)
    y = 2 * within - between + 0.5 * size + noise * generator.normal(size=shape)
    y += noise * (generator.normal(size=(n_structures, 1)) + generator.normal(size=n_scans))
    y[generator.random(shape) < missing] = np.nan
    return Table(between + within, y, size, np.arange(n_scans))


def test_an_exact_relation_is_found():
    found = fit_slopes(table(noise=0.0))
    assert found.within.value == pytest.approx(2)
    assert found.between.value == pytest.approx(-1)
    assert found.within.without == pytest.approx(np.full(6, 2.0))
    assert found.between.without == pytest.approx(np.full(8, -1.0))


@pytest.mark.parametrize("seed", range(5))
def test_without_gaps_they_are_those_of_the_crossed_model(seed):
    own = table(seed)
    k, s = (index.ravel() for index in np.indices(own.x.shape))
    columns = [np.ones(len(k))]
    for values in (own.x, own.size):
        mean = values.mean(axis=1)[k]
        columns += [values.ravel() - mean, mean]
    expected = fit_mixed(own.y.ravel(), model(np.stack(columns, axis=1), [k, s]))
    found = fit_slopes(own)
    assert found.components == pytest.approx(expected.components)
    assert found.within.value == pytest.approx(expected.coefficients[1])
    assert found.between.value == pytest.approx(expected.coefficients[2])


def test_between_structures_it_is_the_regression_of_their_means():
    own = table(3)
    x, y, size = (part.mean(axis=1) for part in own[:3])
    expected = sm.OLS(y, np.c_[np.ones(8), x, size]).fit().params[1]
    found = fit_slopes(own).between
    assert found.value == pytest.approx(expected)
    for k in range(8):
        kept = np.arange(8) != k
        refit = sm.OLS(y[kept], np.c_[np.ones(7), x[kept], size[kept]]).fit().params[1]
        assert found.without[k] == pytest.approx(refit)


def test_leaving_a_subject_out_is_a_fit_without_it():
    own = table(4, missing=0.2)._replace(subject=np.array([0, 0, 1, 2, 3, 4]))
    found = fit_slopes(own)
    ratio = found.components[1] / found.components[2]
    for place, name in enumerate(np.unique(own.subject)):
        kept = own.subject != name
        k, s = np.nonzero(np.isfinite(own.y[:, kept]))
        columns = np.c_[own.x[:, kept][k, s], own.size[:, kept][k, s], np.eye(8)[k]]
        same = own.subject[kept][s]
        weights = np.linalg.inv(np.eye(len(k)) + ratio * (same[:, None] == same))
        expected = np.linalg.solve(
            columns.T @ weights @ columns, columns.T @ weights @ own.y[:, kept][k, s]
        )
        assert found.within.without[place] == pytest.approx(expected[0])


@given(st.integers(0, 10_000), st.floats(-1e3, 1e3), st.floats(1e-2, 1e2))
def test_units_of_predictor_and_target_scale_the_slopes(seed, origin, unit):
    own = table(seed, missing=0.1)
    moved = own._replace(x=unit * own.x + origin, y=own.y / unit - origin)
    before, after = fit_slopes(own), fit_slopes(moved)
    for scope in ("within", "between"):
        first, second = getattr(before, scope), getattr(after, scope)
        assert second.value * unit**2 == pytest.approx(first.value, rel=1e-4, abs=1e-6)
        assert second.without * unit**2 == pytest.approx(
            first.without, rel=1e-4, abs=1e-6, nan_ok=True
        )


def test_offsets_of_structures_do_not_move_the_slope_within():
    own = table(6)
    moved = own._replace(y=own.y + 10.0 * np.arange(8)[:, None])
    assert fit_slopes(moved).within.value == pytest.approx(fit_slopes(own).within.value)


def test_a_constant_predictor_has_no_slope():
    own = table(7)
    flat = fit_slopes(own._replace(x=np.full(own.x.shape, np.log(0.3))))
    assert np.isnan([flat.within.value, flat.between.value]).all()
    by_structure = np.repeat(np.log(np.arange(1, 9))[:, None], 6, axis=1)
    found = fit_slopes(own._replace(x=by_structure))
    assert np.isnan(found.within.value)
    assert np.isfinite(found.between.value)


@given(
    st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4), st.sampled_from([0.0, 0.3, 1.0])
)
def test_small_tables_are_numbers_or_nan(seed, n_structures, n_scans, missing):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit_slopes(table(seed, n_structures, n_scans, missing))
        for slope in (found.within, found.between):
            low, high, _ = slope.interval(0.95)
            assert np.isnan(low) == np.isnan(high)
            assert np.isnan(low) or low <= slope.value <= high
