"""What is fetched ahead."""

import threading
from collections.abc import Iterator

import pytest
import torch

from stages.recon.learned.prefetch import DEPTH, prefetched
from tests.recon.conftest import CPU


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every test ends with the threads that it began with."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def tensor(item: int) -> torch.Tensor:
    return torch.full((1,), item)


@pytest.mark.parametrize("n", [0, 1, DEPTH, 7])
def test_everything_arrives_in_order(n: int) -> None:
    with prefetched(range(n), tensor, CPU) as arrived:
        assert [int(value) for value in arrived] == list(range(n))


def test_no_more_than_two_items_ahead() -> None:
    fetched = []

    def fetch(item: int) -> torch.Tensor:
        fetched.append(item)
        return tensor(item)

    with prefetched(range(20), fetch, CPU) as arrived:
        for k, _ in zip(range(5), arrived, strict=False):
            assert len(fetched) <= k + 1 + DEPTH
    assert len(fetched) <= 5 + 1 + DEPTH


def test_a_fault_is_raised_where_the_item_is_taken() -> None:
    def fetch(item: int) -> torch.Tensor:
        if item == 3:
            raise KeyError(item)
        return tensor(item)

    seen = []
    with pytest.raises(KeyError), prefetched(range(20), fetch, CPU) as arrived:
        seen.extend(int(value) for value in arrived)
    assert seen == [0, 1, 2]


def test_a_step_that_fails_ends_the_thread() -> None:
    with pytest.raises(ZeroDivisionError), prefetched(range(20), tensor, CPU) as arrived:
        next(arrived)
        raise ZeroDivisionError
