"""Label lists of the networks: channels, names, mirrored channels and topology classes."""

from collections.abc import Sequence

import numpy as np

from stages.study.structures import MERGED, SYNTHSEG_LABELS, SYNTHSEG_TABLE

INFERIOR_HORN = {5: 4, 44: 43}  # too thin to tell from its surroundings at 2 mm

# Topology classes of SynthSeg 2.0's standard mode, in the order of SYNTHSEG_LABELS: structures of
# one class are cleaned together; class 0 (background and CSF) is never cleaned.
SYNTHSEG_TOPOLOGY = (
    0, 4, 4, 4, 4, 5, 5, 6, 7, 8, 9, 1, 2, 3, 10, 11, 0,
    12, 13, 14, 14, 14, 14, 15, 15, 16, 17, 18, 19, 20, 21, 22, 23,
)  # fmt: skip


def merged_label(label: int) -> int:
    """The label that stands for a structure where left and right are merged."""
    label = MERGED.get(label, label)
    return INFERIOR_HORN.get(label, label)


def sided_label(label: int) -> int:
    """The label that stands for a structure where left and right are kept apart."""
    return INFERIOR_HORN.get(label, label)


MERGED_LABELS = tuple(sorted({merged_label(label) for label in SYNTHSEG_LABELS}))
SIDED_LABELS = tuple(sorted({sided_label(label) for label in SYNTHSEG_LABELS}))


def merged_name(label: int) -> str:
    """SynthSeg's name of a structure without its side, e.g. `cerebral white matter`."""
    return SYNTHSEG_TABLE[label].removeprefix("left ")


def mirrored_channels(labels: Sequence[int]) -> tuple[int, ...]:
    """For every channel the channel of the same structure on the other side."""
    other = {right: left for right, left in MERGED.items() if right in labels}
    other |= {left: right for right, left in other.items()}
    return tuple(list(labels).index(other.get(label, label)) for label in labels)


def lookup(table: dict[int, int], largest: int) -> np.ndarray:
    """(largest + 1,) array that maps every label of the table, and all others to 0."""
    array = np.zeros(largest + 1, np.int32)
    for label, value in table.items():
        if label <= largest:
            array[label] = value
    return array
