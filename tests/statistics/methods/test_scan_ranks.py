"""Ranks within scans: scipy, plain loops over every order, and a jackknife written out."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr
from scipy.stats import t as student

from stages.statistics.methods.permutation import p_value
from stages.statistics.methods.scan_ranks import (
    member_null,
    member_orders,
    pooled,
    pooled_interval,
    scan_ranks,
    subject_null,
)

GROUPS = np.array(["unet"] * 4 + ["rim"] * 3)
SUBJECT = np.array(["a", "a", "b", "c", "d"])


def values(seed: int = 0, n_scans: int = 5, n_members: int = 7) -> list[np.ndarray]:
    """Return two variables, some values of the second alike."""
    rng = np.random.default_rng(seed)
    return [rng.random((n_scans, n_members)), np.round(rng.random((n_scans, n_members)), 1)]


def by_loop(x: np.ndarray, y: np.ndarray, groups: np.ndarray = GROUPS) -> float:
    """Return Pearson's r of ranks that were taken scan by scan and ensemble by ensemble."""
    found: list[list[float]] = [[], []]
    for row, other in zip(x, y, strict=True):
        for group in dict.fromkeys(groups):
            blocks = row[groups == group], other[groups == group]
            if np.isfinite(blocks).all():
                for k, block in enumerate(blocks):
                    found[k] += ((rankdata(block) - 0.5) / len(block)).tolist()
    return float(np.corrcoef(*found)[0, 1])


@given(seed=st.integers(0, 2**32 - 1))
def test_the_coefficient_is_that_of_the_loop(seed):
    x, y = values(seed)
    assert pooled(scan_ranks(x, y, GROUPS)) == pytest.approx(by_loop(x, y), abs=1e-12)


def test_one_ensemble_on_one_scan_is_spearman():
    x, y = values(1, 1, 9)
    expected = spearmanr(x[0], y[0]).statistic
    assert pooled(scan_ranks(x, y, np.zeros(9))) == pytest.approx(expected)


def test_levels_of_scans_and_ensembles_do_not_matter():
    x, y = values()
    levels = 10 * np.arange(5)[:, None] + np.where(GROUPS == "rim", 100, 0)
    found = pooled(scan_ranks(x + levels, y + levels**2, GROUPS))
    assert found == pytest.approx(pooled(scan_ranks(x, y, GROUPS)))


def test_an_ensemble_with_a_missing_value_counts_on_the_other_scans():
    x, y = values()
    x[2, 1], y[4, 6] = np.nan, np.nan
    ranks = scan_ranks(x, y, GROUPS)
    assert ranks.known.sum() == 5 * 7 - 4 - 3
    assert pooled(ranks) == pytest.approx(by_loop(x, y))


def test_undefined_coefficients_are_nan():
    x, y = values()
    assert np.isnan(pooled(scan_ranks(np.ones_like(x), y, GROUPS)))
    assert np.isnan(pooled(scan_ranks(x * np.nan, y, GROUPS)))
    assert np.isnan(pooled(scan_ranks(x[:1, :2], y[:1, :2], GROUPS[:2])))
    assert np.isnan(member_null(scan_ranks(x * np.nan, y, GROUPS), np.arange(7)[None])).all()


def test_members_change_places_within_ensembles_on_all_scans_alike():
    x, y = values(2)
    order = member_orders(GROUPS, 50, np.random.default_rng(0))
    assert (GROUPS[order] == GROUPS).all()
    assert (np.sort(order, axis=1) == np.arange(7)).all()
    found = member_null(scan_ranks(x, y, GROUPS), order)
    np.testing.assert_allclose(found, [by_loop(x, y[:, each]) for each in order], atol=1e-12)


def test_orders_of_members_are_equally_frequent():
    order = member_orders(np.zeros(3), 6000, np.random.default_rng(1))
    counts = [np.sum((order == each).all(axis=1)) for each in permutations(range(3))]
    assert sum(counts) == 6000
    # five standard deviations of a binomial count
    assert max(abs(np.array(counts) - 1000)) < 5 * np.sqrt(6000 * 1 / 6 * 5 / 6)


def test_scores_of_other_scans_are_those_of_the_same_members():
    x, y = values(3)
    x[0, 0], y[0, :4] = np.nan, np.nan  # an image counts if it has both
    order = np.array(list(permutations(range(5))))
    found = subject_null(scan_ranks(x, y, GROUPS), order)
    np.testing.assert_allclose(found, [by_loop(x[each], y) for each in order], atol=1e-12)


def test_the_interval_is_the_jackknife_on_fishers_scale():
    x, y = values(4)
    z = np.arctanh(by_loop(x, y))
    subjects = [np.arctanh(by_loop(x[s != SUBJECT], y[s != SUBJECT])) for s in "abcd"]
    variances, free = [3 / 4 * np.sum((subjects - np.mean(subjects)) ** 2)], [3]
    for group in ("unet", "rim"):
        without = []
        for member in np.flatnonzero(group == GROUPS):
            kept = np.arange(7) != member
            without.append(np.arctanh(by_loop(x[:, kept], y[:, kept], GROUPS[kept])))
        n = len(without)
        variances.append((n - 1) / n * np.sum((without - np.mean(without)) ** 2))
        free.append(n - 1)
    degrees = sum(variances) ** 2 / sum(v**2 / f for v, f in zip(variances, free, strict=True))
    reach = student.ppf(0.975, degrees) * np.sqrt(sum(variances))
    found = pooled_interval(x, y, GROUPS, SUBJECT, 0.95)
    assert found[:2] == pytest.approx(np.tanh([z - reach, z + reach]))
    assert found.n_defined == 4 + 7


def test_two_subjects_have_no_interval():
    x, y = values(5)
    found = pooled_interval(x[:3], y[:3], GROUPS, SUBJECT[:3], 0.95)
    assert np.isnan(found[:2]).all()


def test_members_that_are_good_on_every_scan_make_no_relation():
    rng = np.random.default_rng(6)
    rejected = 0
    for _ in range(200):
        x, y = (rng.normal(size=7) + 0.3 * rng.normal(size=(4, 7)) for _ in range(2))
        ranks = scan_ranks(x, y, GROUPS)
        rejected += (
            p_value(pooled(ranks), member_null(ranks, member_orders(GROUPS, 99, rng))) <= 0.1
        )
    # of a binomial count with mean 20 and SD 4.2, four of which it may miss
    assert 20 - 17 <= rejected <= 20 + 17
