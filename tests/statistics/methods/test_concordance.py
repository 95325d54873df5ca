"""Concordance and ICC(A,1) against other forms of both, and their coverage."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.statistics.methods.concordance import coefficient_interval, concordance, icc_of_two
from tests.statistics.methods.test_limits_of_agreement import LARGE, MINI
from tests.statistics.methods.test_variance_components import icc_agreement

X, Y = np.array(LARGE, dtype=float), np.array(MINI, dtype=float)


def test_peak_flow_meters():
    r, scale = np.corrcoef(X, Y)[0, 1], X.std() / Y.std()
    shift = (X.mean() - Y.mean()) / np.sqrt(X.std() * Y.std())
    known = r * 2 / (scale + 1 / scale + shift**2)  # accuracy times precision
    assert concordance(X[:, None], Y) == pytest.approx(known)
    assert known == pytest.approx(0.943, abs=5e-4)


@given(st.integers(0, 10_000), st.integers(3, 9))
def test_of_one_member_it_is_mcgraw_and_wongs(seed, n):
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(2, n)) + generator.normal(size=n)
    known = icc_agreement(np.stack([x, y], axis=1))
    assert icc_of_two(x[:, None], y) == pytest.approx(known)


@given(st.integers(0, 10_000), st.floats(0.1, 10), st.floats(-5, 5))
def test_units_order_and_origin_do_not_matter_but_a_bias_does(seed, unit, origin):
    generator = np.random.default_rng(seed)
    reference = 3 * generator.normal(size=7)
    volumes = reference[:, None] + generator.normal(size=(7, 4))
    for coefficient in (concordance, icc_of_two):
        known = coefficient(volumes, reference)
        assume(known > 0.05)
        assert coefficient(
            unit * volumes[::-1, ::-1] + origin, unit * reference[::-1] + origin
        ) == pytest.approx(known)
        biased = volumes - (volumes - reference[:, None]).mean(axis=0)
        assert coefficient(biased + 30, reference) < coefficient(biased, reference)
        assert coefficient(reference[:, None], reference) == pytest.approx(1)


def test_interval_of_one_member_is_about_lins():
    found = coefficient_interval(concordance, X[:, None], Y, np.arange(17), 0.95)
    assert found.low < 0.943 < found.high
    many = np.random.default_rng(0).normal(size=(400, 1))
    x = many + 0.3 * np.random.default_rng(1).normal(size=(400, 1))
    y = many[:, 0] + 0.3 * np.random.default_rng(2).normal(size=400)
    found = coefficient_interval(concordance, x, y, np.arange(400), 0.95)
    r, c = np.corrcoef(x[:, 0], y)[0, 1], concordance(x, y)
    u = (x.mean() - y.mean()) / np.sqrt(x.std() * y.std())
    # Lin 1989 with the correction of 2000: variance of the Z transform
    first = (1 - r**2) * c**2 / ((1 - c**2) * r**2)
    second = 2 * c**3 * (1 - c) * u**2 / (r * (1 - c**2) ** 2)
    third = c**4 * u**4 / (2 * r**2 * (1 - c**2) ** 2)
    reach = 1.96 * np.sqrt((first + second - third) / 398)
    known = np.tanh(np.arctanh(c) + np.array([-reach, reach]))
    assert found[:2] == pytest.approx(known, abs=0.01)


def test_what_is_equal_or_missing_has_no_interval():
    assert np.isnan(coefficient_interval(concordance, X[:, None], X, np.arange(17), 0.95).low)
    gaps = np.full((5, 2), np.nan)
    assert np.isnan(concordance(gaps, X[:5]))
    assert np.isnan(icc_of_two(np.ones((5, 2)), np.ones(5)))


def test_intervals_cover_with_members_that_have_offsets():
    generator, n, hits = np.random.default_rng(6), 250, 0
    known = 1 - (3.25 + 4) / (200 + 3.25 + 4)
    for _ in range(n):
        reference = 10 * generator.normal(size=(8, 1))
        volumes = reference + 2 + 1.5 * generator.normal(size=12) + generator.normal(size=(8, 12))
        found = coefficient_interval(concordance, volumes, reference[:, 0], np.arange(8), 0.95)
        hits += found.low <= known <= found.high
    assert hits / n > 0.88
