"""Intervals of components against closed forms of balanced tables, and their coverage."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chi2, f

from stages.statistics.methods.pivots import (
    Strata,
    component_draws,
    effective_freedom,
    excess_kurtosis,
    member_fraction_interval,
    strata,
    uniform_draws,
)
from tests.statistics.methods.test_variance_components import mean_squares

UNIFORMS = uniform_draws(np.random.default_rng(0))


def table(generator: np.random.Generator, shape: tuple[int, int], member: float) -> np.ndarray:
    """Return a table whose residual has the variance 1, a pair in twenty missing."""
    n_subjects, n_members = shape
    values = 6 * generator.normal(size=(n_subjects, 1)) + generator.normal(size=shape)
    values = values + np.sqrt(member) * generator.normal(size=(1, n_members))
    return np.where(generator.random(shape) < 0.05, np.nan, values)


def ends(values: np.ndarray) -> list[float]:
    return np.quantile(values, [0.025, 0.975]).tolist()


@given(st.integers(0, 10_000), st.integers(2, 7), st.integers(2, 7))
def test_strata_without_gaps_are_the_mean_squares(seed, n_subjects, n_members):
    values = np.random.default_rng(seed).normal(size=(n_subjects, n_members))
    found, known = strata(values), mean_squares(values)
    assert found.subject.squares.mean() == pytest.approx(known[0])
    assert found.member.squares.mean() == pytest.approx(known[1])
    assert found.residual / found.free == pytest.approx(known[2], abs=1e-12)
    assert found.member.sizes == pytest.approx(n_subjects)
    assert found.subject.sizes == pytest.approx(n_members)


def test_what_connects_nothing_leaves_no_freedom():
    values = np.full((4, 4), np.nan)
    assert not strata(values).defined
    np.fill_diagonal(values, [1.0, 2.0, 3.0, 5.0])
    assert not strata(values).defined
    assert strata(np.arange(4.0).reshape(2, 2)).defined


def test_draws_without_gaps_are_chi_squared_in_closed_form():
    values = np.random.default_rng(3).normal(size=(7, 5)) + 3 * np.arange(5)
    squares = mean_squares(values)
    drawn = component_draws(strata(values), UNIFORMS)
    residual = 24 * squares[2] / chi2.ppf(UNIFORMS[:, 2], 24)
    member = (4 * squares[1] / chi2.ppf(UNIFORMS[:, 1], 4) - residual) / 7
    assert drawn["residual"] == pytest.approx(residual)
    assert drawn["member"] == pytest.approx(np.maximum(member, 0))
    known = 24 * squares[2] / chi2.ppf([0.975, 0.025], 24)
    assert ends(drawn["residual"]) == pytest.approx(known, rel=5e-3)


def test_draws_with_gaps_solve_their_equation():
    values = table(np.random.default_rng(1), (6, 5), 2.0)
    known = strata(values)
    assert len(set(np.round(known.member.sizes, 6))) > 1
    drawn = component_draws(known, UNIFORMS)
    solved = drawn["member"] > 0
    variance = drawn["residual"][:, None] + known.member.sizes * drawn["member"][:, None]
    reach = chi2.ppf(UNIFORMS[:, 1], known.member.free)
    assert (known.member.squares / variance).sum(axis=1)[solved] == pytest.approx(reach[solved])


def test_a_large_offset_has_the_equal_tailed_interval_of_the_f_ratio():
    values = np.random.default_rng(3).normal(size=(7, 5)) + 100 * np.arange(5)
    squares = mean_squares(values)
    quantiles = f.ppf([0.975, 0.025], 4, 24)
    ratio = (squares[1] / squares[2] / quantiles - 1) / 7
    found = member_fraction_interval(strata(values), 0.95)
    assert found == pytest.approx(ratio / (1 + ratio), rel=1e-4)


@given(st.integers(0, 10_000))
def test_the_interval_begins_at_0_unless_the_f_test_rejects(seed):
    values = table(np.random.default_rng(seed), (5, 4), 0.3)
    known = strata(values)
    assume(known.defined)
    ratio = known.member.squares.mean() / (known.residual / known.free)
    low, high = member_fraction_interval(known, 0.95)
    assert 0 <= low <= high <= 1
    assert (low > 0) == (f.sf(ratio, known.member.free, known.free) < 0.05)


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.65])
def test_the_interval_of_the_fraction_covers_as_often_as_it_says(fraction):
    generator, hits, n = np.random.default_rng(7), 0, 1500
    for _ in range(n):
        known = strata(table(generator, (8, 4), fraction / (1 - fraction)))
        low, high = member_fraction_interval(known, 0.9)
        hits += low <= fraction <= high
    assert hits / n == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / n))


def test_heavy_tails_are_noticed_and_cost_degrees_of_freedom():
    generator = np.random.default_rng(2)
    tables = [strata(generator.standard_t(5, (20, 12))) for _ in range(16)]
    assert excess_kurtosis([strata(generator.uniform(size=(20, 12)))]) == 0
    kurtosis = excess_kurtosis(tables)
    assert 1.5 < kurtosis < 12  # 6 if there were enough
    assert effective_freedom(tables[0], 0.0) == tables[0].free == 209
    # all pairs there: f / (1 + kurtosis f / (2 N))
    known = 209 / (1 + kurtosis * 209 / 480)
    assert effective_freedom(tables[0], kurtosis) == pytest.approx(known)
    wide = component_draws(tables[0], UNIFORMS, kurtosis)["residual"]
    assert np.ptp(ends(wide)) > np.ptp(ends(component_draws(tables[0], UNIFORMS)["residual"]))


def test_kurtosis_of_many_pairs_is_that_of_the_errors():
    generator = np.random.default_rng(5)
    # exponential errors have the excess kurtosis 6
    tables: list[Strata] = [strata(generator.exponential(size=(30, 20))) for _ in range(60)]
    assert excess_kurtosis(tables) == pytest.approx(6, abs=1.2)


def test_only_members_that_differ_are_all_of_the_variance():
    values = np.tile([1.0, 2.0, 4.0], (4, 1))
    assert member_fraction_interval(strata(values), 0.95) == (1.0, 1.0)
    assert np.isnan(member_fraction_interval(strata(np.ones((4, 3))), 0.95)).all()
