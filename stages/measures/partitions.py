"""Which structures are measured together: those of a part share no voxel.

The first part is the structures of the study. Where a label map divides the cortex, its parcels
follow in parts of their own, each with fewer structures than an integer has bits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.measures.voxelwise import flat, number_table, structure_numbers
from stages.study.parcels import LEFT, PARCEL_LABELS, without_parcels
from stages.study.structures import LABELS, PARCELS, STRUCTURES, Structure

HALF = len(PARCELS) // 2
PARCEL_PARTS = (PARCELS[:HALF], PARCELS[HALF:])


class Part(NamedTuple):
    """Structures that share no voxel, and where a label map has them."""

    structures: Sequence[Structure]
    numbers: np.ndarray
    """(i, j, k) uint8, from 1 in the order of the structures, 0 outside, first index fastest."""

    @property
    def names(self) -> list[str]:
        """Names of the structures, in the order of their numbers."""
        return [entry.name for entry in self.structures]

    def within(self, box: tuple[slice, ...]) -> "Part":
        """Return the same structures in a box of the volume."""
        return Part(self.structures, self.numbers[box])


def parts(labels: np.ndarray) -> list[Part]:
    """Return the parts of a label map: one, or three where it has parcels of the cortex.

    Args:
        labels: (i, j, k) FreeSurfer ids.
    """
    whole = structure_numbers(without_parcels(labels), number_table(LABELS))
    found = [Part(STRUCTURES, whole)]
    if labels.max() > LEFT:
        found += [Part(own, parcel_numbers(labels, own)) for own in PARCEL_PARTS]
    return found


def parcel_numbers(labels: np.ndarray, parcels: Sequence[Structure]) -> np.ndarray:
    """Return the number of the parcel of every voxel, as `Part.numbers`."""
    table = np.zeros(PARCEL_LABELS[-1] + 2, np.uint8)
    for number, entry in enumerate(parcels, start=1):
        table[list(entry.labels)] = number
    known = np.clip(flat(labels), 0, len(table) - 1).astype(np.intp)
    return table[known].reshape(labels.shape, order="F")
