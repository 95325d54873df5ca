"""Maps of one scan over the members of a group: mean and SD of images, votes of label maps.

Images pass one at a time, so that memory does not grow with the members. A label's fraction of the
votes is a probability only as far as the members are a sample of what could have been measured.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import entr

from stages.measures.agreement import Votes, count_votes
from stages.measures.voxelwise import flat


def mean_and_sd(images: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation (ddof = 1) of magnitudes over members, voxel by voxel.

    One pass in float64 that updates mean and sum of squares (Welford 1962, Technometrics 4): what
    `voxelwise.mean_and_std` gives to rounding, without all members in memory.

    Args:
        images: one volume (i, j, k) a member, at least two.

    Returns:
        Two volumes (i, j, k) float64, in the unit of the images.

    Raises:
        ValueError: if there are fewer than two.
    """
    mean, squares, n = np.zeros(()), np.zeros(()), 0
    for n, image in enumerate(images, start=1):
        own = np.abs(image, dtype=np.float64)
        if n == 1:
            mean, squares = np.zeros_like(own), np.zeros_like(own)
        apart = own - mean
        mean += apart / n
        own -= mean
        own *= apart
        squares += own
    if n < 2:
        raise ValueError(f"expected at least two images, got {n}")
    return mean, np.sqrt(squares / (n - 1))


@dataclass(frozen=True)
class LabelVotes:
    """What the members' label maps of a scan say of every voxel."""

    labels: tuple[int, ...]
    """All labels that some member gives, 0 among them, in rising order."""
    votes: Votes
    """Of their positions in `labels`."""

    def fractions(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield each label and the fraction of members that give it, (i, j, k) float32.

        They add up to 1 in every voxel.
        """
        for number, label in enumerate(self.labels):
            share = (self.votes.numbers == number).mean(axis=0)
            yield label, self._whole(self.votes.first == number, share, outside=number == 0)

    def entropy(self) -> np.ndarray:
        """Return the entropy of the votes, - sum over labels of p ln p, (i, j, k) float32, nats.

        0 where all members agree, at most ln of the number of members.
        """
        total = np.zeros(len(self.votes.disputed))
        for number in range(len(self.labels)):
            total += entr((self.votes.numbers == number).mean(axis=0))
        agreed = np.zeros(self.votes.first.shape, dtype=bool, order="F")
        return self._whole(agreed, total, outside=False)

    def _whole(self, agreed: np.ndarray, disputed: np.ndarray, *, outside: bool) -> np.ndarray:
        """Return a whole volume of its value in the box, at the disputed voxels and outside."""
        volume = np.full(self.votes.shape, np.float32(outside), dtype=np.float32, order="F")
        box = agreed.astype(np.float32, order="F")
        flat(box)[self.votes.disputed] = disputed
        volume[self.votes.box] = box
        return volume


def label_votes(maps: Sequence[np.ndarray]) -> LabelVotes:
    """Return the votes of the members' label maps.

    Args:
        maps: (i, j, k) each, whole numbers from 0 on, one a member, at least one.
    """
    found = [pd.unique(flat(labels)) for labels in maps]
    known = np.unique(np.concatenate([[0], *found])).astype(np.int64)
    kind = np.min_scalar_type(len(known) - 1)
    numbers = [
        np.searchsorted(known, flat(m)).astype(kind).reshape(m.shape, order="F") for m in maps
    ]
    return LabelVotes(tuple(known.tolist()), count_votes(numbers, margin=0))
