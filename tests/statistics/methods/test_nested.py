"""Samples nested within scans: known answers of the one-way analysis of variance."""

import numpy as np
import pytest

from stages.statistics.methods.crossed_intervals import crossed
from stages.statistics.methods.limits_of_agreement import limits_of_agreement
from stages.statistics.methods.nested import components, icc, one_way, within_interval
from stages.statistics.methods.pivots import uniform_draws
from stages.statistics.methods.variance_components import estimate

# Two scans of two samples: means 2 and 6, grand mean 4; within 1 + 1 + 1 + 1, between 2 (4 + 4)
BY_HAND = np.array([[1.0, 3.0], [5.0, 7.0]])


def test_sums_of_squares_by_hand() -> None:
    found = one_way(BY_HAND)
    assert (found.within, found.free_within) == (4.0, 2)
    assert (found.between, found.free_between) == (16.0, 1)
    # (16 - 2) / 2 between scans, 4 / 2 within
    assert components(found) == {"subject": 7.0, "member": 0.0, "residual": 2.0}
    assert icc(found, 0.95)["value"] == pytest.approx(7.0 / 9.0)


def test_scans_may_have_other_numbers_of_samples() -> None:
    found = one_way(np.array([[1.0, 3.0, np.nan], [5.0, 6.0, 7.0]]))
    assert found.within == pytest.approx(2.0 + 2.0) and found.free_within == 3
    assert found.size == pytest.approx((5 - 13 / 5) / 1)  # n0 of 2 and 3
    assert not one_way(np.array([[1.0], [2.0]])).defined


def test_the_order_of_samples_is_of_no_meaning_but_crossed_members_have_one() -> None:
    rng = np.random.default_rng(0)
    offsets = np.array([0.0, 3.0, 6.0])  # of members: the same in all scans
    values = rng.normal(size=(20, 1)) + offsets + 0.1 * rng.normal(size=(20, 3))
    shuffled = np.array([rng.permutation(row) for row in values])
    assert components(one_way(values)) == pytest.approx(components(one_way(shuffled)))
    # crossed: the variance is between members; nested: all of it is within scans
    assert estimate(values)["member"] > 100 * estimate(values)["residual"]
    assert components(one_way(values))["residual"] == pytest.approx(9.0, rel=0.1)


def test_the_interval_within_scans_covers() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        values = rng.normal(size=(5, 1)) + 2.0 * rng.normal(size=(5, 4))
        low, high = within_interval(one_way(values), 0.9)
        covered += low < 4.0 < high
    # binomial, 3.9 standard errors
    assert abs(covered / 400 - 0.9) < 3.9 * np.sqrt(0.9 * 0.1 / 400)


def test_limits_of_nested_samples_know_no_member() -> None:
    uniforms = uniform_draws(np.random.default_rng(2))
    subject = np.array(["a", "b", "c", "d"])
    values = np.random.default_rng(3).normal(size=(4, 6))
    found = limits_of_agreement(values, subject, uniforms, 0.95, nested=True)
    parts = components(one_way(values))
    assert found is not None
    assert found.sd == pytest.approx(np.sqrt(parts["subject"] + parts["residual"]))
    turned = limits_of_agreement(values[:, ::-1], subject, uniforms, 0.95, nested=True)
    assert turned is not None and turned.sd == pytest.approx(found.sd)
    assert turned.bias.standard_error == pytest.approx(found.bias.standard_error)
    # one sample a scan, in columns of its own, cannot be told from another
    alone = limits_of_agreement(values[:, :1], subject, uniforms, 0.95, nested=True)
    assert alone is not None and alone.bias.value == pytest.approx(values[:, 0].mean())


def test_members_have_no_part_of_an_interval_where_they_are_nested() -> None:
    values = np.random.default_rng(4).normal(size=(5, 3))
    weights = np.ones((10, 5), dtype=np.int64)

    def mean(weights: np.ndarray, members: np.ndarray) -> np.ndarray:
        return weights @ values[:, members].mean(axis=1) / weights.sum(axis=1)

    assert len(crossed(mean, weights, 5, 3).members) == 1
    nested = crossed(mean, weights, 5, 3, nested=True)
    assert nested.members == () and nested.value == pytest.approx(values.mean())
