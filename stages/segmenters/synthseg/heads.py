"""Tissue maps of heads, left and right apart, and their palette: what atlases average."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stages.anatomy.head import digital_head
from stages.anatomy.tissue import LEFT_TO_RIGHT, TISSUES, relative_signals
from stages.segmenters.synthseg.anatomies import TRAINING_SEEDS
from stages.segmenters.synthseg.labels import SIDED_LABELS, lookup, sided_label


@dataclass(frozen=True)
class Palette:
    """What the values of the tissue maps mean; index 0 is air. Arrays (n_tissues,)."""

    signals: np.ndarray
    """T1w signal, white matter 1."""
    channels: np.ndarray
    """Place of the tissue's label among `SIDED_LABELS`, 0 for background."""
    mirrored: np.ndarray
    """Index of the same tissue on the other side."""


def tissue_ids() -> list[int]:
    """Labels of a palette's tissues: the structures, then what surrounds the brain."""
    around = {label for label in TISSUES if sided_label(label) not in SIDED_LABELS}
    return [*SIDED_LABELS[1:], *sorted(around)]


def palette() -> Palette:
    """Signals, channels and other sides of the tissues."""
    signals, ids = relative_signals(), tissue_ids()
    other = {right: left for left, right in LEFT_TO_RIGHT.items()} | LEFT_TO_RIGHT
    channels = [SIDED_LABELS.index(i) if i in SIDED_LABELS else 0 for i in ids]
    return Palette(
        np.array([0.0, *(signals[i] for i in ids)]),
        np.array([0, *channels]),
        np.array([0, *(ids.index(other.get(i, i)) + 1 for i in ids)]),
    )


def tissue_map(labels: np.ndarray) -> np.ndarray:
    """(superior, anterior, right) FreeSurfer ids -> (right, anterior, superior) indices, uint8."""
    index = {label: number + 1 for number, label in enumerate(tissue_ids())}
    known = {label: index[sided_label(label)] for label in TISSUES}
    table = lookup(known, int(labels.max())).astype(np.uint8)
    return np.ascontiguousarray(table[labels].transpose(2, 1, 0))


def digital_maps(seed: int, n_heads: int) -> Iterator[np.ndarray]:
    """Tissue maps of digital phantoms that no cohort contains, built one after the other."""
    for number in range(n_heads):
        yield tissue_map(digital_head(TRAINING_SEEDS + seed * n_heads + number).labels)
