"""Results in order, made before their turn."""

from threading import Barrier, Lock
from time import sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.machine.lookahead import ahead


@given(items=st.lists(st.integers(), max_size=12), n=st.integers(1, 5))
def test_order_and_values_are_those_of_map(items: list[int], n: int) -> None:
    assert list(ahead(lambda k: k**2 - 7, items, n)) == [k**2 - 7 for k in items]


def test_as_many_at_a_time_as_asked_for() -> None:
    meeting = Barrier(3, timeout=20)  # broken unless three meet
    assert len(list(ahead(lambda _: meeting.wait(), range(6), 3))) == 6


def test_no_more_are_begun_than_asked_for() -> None:
    begun, lock = [], Lock()

    def task(number: int) -> int:
        with lock:
            begun.append(number)
        return number

    results = ahead(task, range(50), 3)
    for expected in range(10):
        assert next(results) == expected
        sleep(0.01)
        assert max(begun) <= expected + 3
    results.close()
    sleep(0.05)
    assert len(begun) <= 13


def test_an_error_comes_at_its_turn() -> None:
    def task(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    results = ahead(task, range(40), 4)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
