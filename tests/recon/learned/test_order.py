"""The order of batches, held against the sampler that DIRECT trains with."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import pytest
import torch
from direct.data.samplers import ConcatDatasetBatchSampler
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.recon.learned.order import ORDERS, MixedOrder, Picks, ScanOrder
from tests.tolerances import LAMBDA

SIZES = st.lists(
    st.tuples(st.integers(1, 6), st.just(24), st.sampled_from([20, 22])), min_size=1, max_size=4
)
BATCH_SIZE = st.integers(1, 5)
TAKEN = 40


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ours(sizes: list[tuple[int, int, int]], batch_size: int) -> Iterator[Picks]:
    """Yield the batches of the study."""
    order = MixedOrder(sizes, batch_size, generator())
    while True:
        yield order.next()


def directs(sizes: list[tuple[int, int, int]], batch_size: int) -> Iterator[Picks]:
    """Yield the batches of DIRECT, to which the scans of each matrix are one data set."""
    by_matrix: dict[tuple[int, int], Picks] = {}
    for scan, (n_slices, *matrix) in enumerate(sizes):
        slices = [(scan, index) for index in range(n_slices)]
        by_matrix[tuple(matrix)] = by_matrix.get(tuple(matrix), []) + slices
    everything = [pick for data in by_matrix.values() for pick in data]
    for batch in ConcatDatasetBatchSampler(list(by_matrix.values()), batch_size, seed=0):
        yield [everything[int(index)] for index in batch]


@pytest.mark.parametrize("source", [ours, directs])
@settings(max_examples=40, deadline=None)
@given(sizes=SIZES, batch_size=BATCH_SIZE)
def test_mixed_batches_are_full_and_each_matrix_is_an_endless_stream_of_shuffles(
    source: Callable[..., Iterator[Picks]], sizes: list[tuple[int, int, int]], batch_size: int
) -> None:
    seen: dict[tuple[int, ...], Picks] = {}
    for batch in islice(source(sizes, batch_size), TAKEN):
        assert len(batch) == batch_size
        (matrix,) = {sizes[scan][1:] for scan, _ in batch}
        seen[matrix] = seen.get(matrix, []) + batch
    for matrix, picks in seen.items():
        whole = {
            (s, k) for s, size in enumerate(sizes) if size[1:] == matrix for k in range(size[0])
        }
        for start in range(0, len(picks) - len(whole) + 1, len(whole)):
            assert set(picks[start : start + len(whole)]) == whole


@pytest.mark.parametrize("source", [ours, directs])
def test_matrices_come_in_proportion_to_their_slices(
    source: Callable[..., Iterator[Picks]],
) -> None:
    sizes, n = [(6, 24, 20), (3, 24, 20), (3, 24, 22)], 2000
    counts = Counter(sizes[batch[0][0]][2] for batch in islice(source(sizes, 2), n))
    part = 9 / 12
    # a binomial number lies this near its mean but for 3e-14
    assert abs(counts[20] - n * part) <= LAMBDA * np.sqrt(n * part * (1 - part))


def test_a_batch_may_hold_slices_of_several_scans() -> None:
    batches = list(islice(ours([(6, 24, 20), (6, 24, 20)], 4), 20))
    assert any(len({scan for scan, _ in batch}) > 1 for batch in batches)


@settings(max_examples=40, deadline=None)
@given(sizes=SIZES, batch_size=BATCH_SIZE, seed=st.integers(0, 1000))
def test_an_epoch_shows_full_batches_of_one_scan_each(
    sizes: list[tuple[int, int, int]], batch_size: int, seed: int
) -> None:
    order, lengths = ScanOrder(sizes, batch_size, generator(seed)), [size[0] for size in sizes]
    n_batches = sum(max(n // batch_size, 1) for n in lengths)
    for _ in range(2):
        batches = [order.next() for _ in range(n_batches)]
        picks = [pick for batch in batches for pick in batch]
        assert len(set(picks)) == len(picks)
        assert all(index < lengths[scan] for scan, index in picks)
        for batch in batches:
            (scan,) = {scan for scan, _ in batch}
            assert len(batch) == min(batch_size, lengths[scan])
        if batch_size == 1:
            assert len(picks) == sum(lengths)


@pytest.mark.parametrize("kind", ORDERS)
@settings(max_examples=30, deadline=None)
@given(sizes=SIZES, batch_size=BATCH_SIZE, taken=st.integers(0, 20))
def test_an_order_goes_on_from_its_state_and_what_is_ahead_is_what_comes(
    kind: str, sizes: list[tuple[int, int, int]], batch_size: int, taken: int
) -> None:
    order, other = (ORDERS[kind](sizes, batch_size, generator(seed)) for seed in (1, 7))
    for _ in range(taken):
        order.next()
    state = order.state_dict()
    seen = list(islice(order.ahead(), 15))
    assert [order.next() for _ in range(15)] == seen
    other.load_state_dict(state)
    assert [other.next() for _ in range(15)] == seen
    other.load_state_dict(state)  # which the steps after it have not changed
    assert other.next() == seen[0]
