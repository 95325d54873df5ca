"""In which order a training sees its slices: endless random batches, exactly resumable.

`MixedOrder` draws as DIRECT does in training (its `ConcatDatasetBatchSampler`), from all scans of
one matrix at a time; `ScanOrder` never mixes two scans.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypedDict

import torch

Picks = list[tuple[int, int]]
"""A batch: scan and slice of each of its slices."""
Size = tuple[int, ...]
"""Of what is learned from a scan: slices, ky, kz, coils; a batch has one size but for slices."""


class ScanOrderState(TypedDict):
    """Where a `ScanOrder` stands."""

    start: torch.Tensor
    position: int


class MixedOrderState(TypedDict):
    """Where a `MixedOrder` stands."""

    generator: torch.Tensor
    coming: list[list[int]]


class Order[State](Protocol):
    """An endless random order of batches."""

    def next(self) -> Picks:
        """Return the next batch."""

    def ahead(self) -> Iterator[Picks]:
        """Yield what `next` will return from here on; this order itself stays where it is."""

    def state_dict(self) -> State:
        """Return what `load_state_dict` needs to go on exactly here."""

    def load_state_dict(self, state: State) -> None:
        """Go on where another order stood."""


@dataclass
class MixedOrder:
    """Batches from all scans of one matrix and number of coils.

    The slices of such scans are one endless stream: all of them in random order, again
    and again, cut into full batches wherever these end. A step takes the next batch of one stream,
    which is drawn with a probability in proportion to its number of slices.
    """

    sizes: Sequence[Size]
    batch_size: int
    generator: torch.Generator
    streams: list[Picks] = field(init=False)
    """All slices of each matrix."""
    coming: list[list[int]] = field(init=False)
    """What is left of the present round through each stream."""

    def __post_init__(self) -> None:
        by_matrix: dict[Size, Picks] = {}
        for scan, (n_slices, *matrix) in enumerate(self.sizes):
            stream = by_matrix.setdefault(tuple(matrix), [])
            stream += [(scan, index) for index in range(n_slices)]
        self.streams = list(by_matrix.values())
        self.coming = [[] for _ in self.streams]

    def next(self) -> Picks:
        """Return the next batch."""
        number = self._drawn()
        stream, coming = self.streams[number], self.coming[number]
        while len(coming) < self.batch_size:
            coming += torch.randperm(len(stream), generator=self.generator).tolist()
        chosen, self.coming[number] = coming[: self.batch_size], coming[self.batch_size :]
        return [stream[k] for k in chosen]

    def ahead(self) -> Iterator[Picks]:
        """Yield what `next` will return from here on; this order itself stays where it is."""
        yield from _copies(self, MixedOrder(self.sizes, self.batch_size, torch.Generator()))

    def state_dict(self) -> MixedOrderState:
        """Return what `load_state_dict` needs to go on exactly here."""
        coming = [list(left) for left in self.coming]
        return {"generator": self.generator.get_state(), "coming": coming}

    def load_state_dict(self, state: MixedOrderState) -> None:
        """Go on where another order stood."""
        self.generator.set_state(state["generator"])
        self.coming = [list(left) for left in state["coming"]]

    def _drawn(self) -> int:
        counts = [len(stream) for stream in self.streams]
        at = int(torch.randint(sum(counts), (1,), generator=self.generator))
        for number, count in enumerate(counts):
            if at < count:
                return number
            at -= count
        raise AssertionError("a number below the sum lies in one of its terms")


@dataclass
class ScanOrder:
    """Batches of slices of one scan each, every slice at most once an epoch.

    The whole state is the generator's at the start of the epoch and the position within it.
    """

    sizes: Sequence[Size]
    batch_size: int
    generator: torch.Generator
    position: int = 0

    def __post_init__(self) -> None:
        self._start = self.generator.get_state()
        self._epoch = self._shuffled()

    def next(self) -> Picks:
        """Return the next batch."""
        if self.position == len(self._epoch):
            self._start, self.position = self.generator.get_state(), 0
            self._epoch = self._shuffled()
        self.position += 1
        return self._epoch[self.position - 1]

    def ahead(self) -> Iterator[Picks]:
        """Yield what `next` will return from here on; this order itself stays where it is."""
        yield from _copies(self, ScanOrder(self.sizes, self.batch_size, torch.Generator()))

    def state_dict(self) -> ScanOrderState:
        """Return what `load_state_dict` needs to go on exactly here."""
        return {"start": self._start, "position": self.position}

    def load_state_dict(self, state: ScanOrderState) -> None:
        """Go on where another order stood."""
        self.generator.set_state(state["start"])
        self._start = state["start"]
        self._epoch, self.position = self._shuffled(), state["position"]

    def _shuffled(self) -> list[Picks]:
        batches = []
        for scan, (length, *_) in enumerate(self.sizes):
            order = torch.randperm(length, generator=self.generator).tolist()
            size = min(self.batch_size, length)
            # the remainder of an epoch is left out, so that every step sees a full batch
            for k in range(0, length - size + 1, size):
                batches.append([(scan, index) for index in order[k : k + size]])
        order = torch.randperm(len(batches), generator=self.generator).tolist()
        return [batches[k] for k in order]


ORDERS = {"mixed": MixedOrder, "scan": ScanOrder}
"""By `train.<architecture>.batches`."""


def _copies[State](order: Order[State], other: Order[State]) -> Iterator[Picks]:
    other.load_state_dict(order.state_dict())
    while True:
        yield other.next()
