"""Subjects that change places: every way to do so where there are few, random ones where many.

A permutation test is exact only over permutations that could have happened. Four subjects have 24,
so that no p is below 1/24; permutations drawn at random would report a smaller one.
"""

from collections.abc import Iterator
from itertools import permutations, product
from math import factorial, prod
from typing import NamedTuple

import numpy as np

Blocks = list[np.ndarray]
"""Of each number of scans a subject has: (n_subjects, n_scans), which columns each one's are."""


class Orders(NamedTuple):
    """Ways to exchange subjects."""

    order: np.ndarray
    """(n_orders, n_scans): from which column each one's predictor comes; the first is the cohort's
    own."""

    complete: bool
    """Whether these are all there are."""

    @property
    def least_p(self) -> float:
        """Return the smallest p that a test can have."""
        return 1.0 / len(self.order)


def subject_orders(subject: np.ndarray, most: int, rng: np.random.Generator) -> Orders:
    """Return the orders of scans under which subjects with equally many scans change places.

    Args:
        subject: (n_scans,) labels: the subject of each scan.
        most: all orders if there are no more than this, else the cohort's own and random ones.
        rng: source of the random ones.
    """
    blocks = _blocks(subject)
    own = np.arange(len(subject))
    if prod(factorial(len(each)) for each in blocks) <= most:
        return Orders(np.array(list(_every(blocks, own))), complete=True)
    drawn = [_moved(blocks, own, [rng.permutation(len(b)) for b in blocks]) for _ in range(most)]
    return Orders(np.array([own, *drawn[1:]]), complete=False)


def wrong_subjects(subject: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Return orders of scans that give every subject another one's predictor.

    Args:
        subject: (n_scans,) labels: the subject of each scan.
        most: all such orders if all orders are no more than this, else so many random ones.
        rng: source of the random ones.

    Returns:
        (n_orders, n_scans) columns; none if a subject has no other with as many scans.
    """
    blocks = _blocks(subject)
    own = np.arange(len(subject))
    if min((len(each) for each in blocks), default=0) < 2:
        return np.zeros((0, len(subject)), dtype=np.int64)
    if prod(factorial(len(each)) for each in blocks) <= most:
        every = np.array(list(_every(blocks, own)))
        return every[(every != own).all(axis=1)]
    drawn = [_moved(blocks, own, [_derangement(len(b), rng) for b in blocks]) for _ in range(most)]
    return np.array(drawn)


def _blocks(subject: np.ndarray) -> Blocks:
    names = list(dict.fromkeys(np.asarray(subject).tolist()))
    each = [np.flatnonzero(np.asarray(subject) == name) for name in names]
    return [
        np.stack([block for block in each if len(block) == size])
        for size in sorted({len(block) for block in each})
    ]


def _every(blocks: Blocks, own: np.ndarray) -> Iterator[np.ndarray]:
    """Yield every order, the cohort's own first."""
    for chosen in product(*(permutations(range(len(each))) for each in blocks)):
        yield _moved(blocks, own, [np.array(part) for part in chosen])


def _moved(blocks: Blocks, own: np.ndarray, chosen: list[np.ndarray]) -> np.ndarray:
    order = own.copy()
    for block, places in zip(blocks, chosen, strict=True):
        order[block] = block[places]
    return order


def _derangement(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random permutation that leaves nothing in its place, n >= 2."""
    while True:
        found = rng.permutation(n)
        if (found != np.arange(n)).all():
            return found
