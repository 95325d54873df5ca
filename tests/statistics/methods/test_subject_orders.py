"""Exchanged subjects: all orders where they are few, blocks of scans together."""

from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.statistics.methods.subject_orders import subject_orders, wrong_subjects


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_all_orders_of_few_subjects(n):
    found = subject_orders(np.arange(n), 100, np.random.default_rng(0))
    assert found.complete
    assert len({tuple(row) for row in found.order.tolist()}) == factorial(n)
    assert found.order[0].tolist() == list(range(n))
    assert found.least_p == pytest.approx(1 / factorial(n))


def test_many_subjects_are_drawn_after_their_own_order():
    found = subject_orders(np.arange(8), 50, np.random.default_rng(0))
    assert (found.complete, len(found.order)) == (False, 50)
    assert found.order[0].tolist() == list(range(8))
    assert (np.sort(found.order, axis=1) == np.arange(8)).all()


def test_scans_of_a_subject_stay_together_and_meet_their_like():
    subject = np.array(["a", "b", "b", "c", "d", "d"])
    found = subject_orders(subject, 100, np.random.default_rng(0))
    assert sorted(map(tuple, found.order.tolist())) == [
        (0, 1, 2, 3, 4, 5),
        (0, 4, 5, 3, 1, 2),
        (3, 1, 2, 0, 4, 5),
        (3, 4, 5, 0, 1, 2),
    ]
    wrong = wrong_subjects(subject, 100, np.random.default_rng(0))
    assert wrong.tolist() == [[3, 4, 5, 0, 1, 2]]


@given(st.integers(2, 9), st.integers(0, 1000))
def test_wrong_subjects_are_never_the_own(n, seed):
    found = wrong_subjects(np.arange(n), 60, np.random.default_rng(seed))
    assert len(found)
    assert (found != np.arange(n)).all()
    assert (np.sort(found, axis=1) == np.arange(n)).all()


def test_the_derangements_of_four():
    assert len(wrong_subjects(np.arange(4), 60, np.random.default_rng(0))) == 9


def test_a_subject_without_its_like_has_no_wrong_one():
    assert wrong_subjects(np.array([0, 1, 1]), 60, np.random.default_rng(0)).shape == (0, 3)
    assert wrong_subjects(np.zeros(0, int), 60, np.random.default_rng(0)).shape == (0, 0)
