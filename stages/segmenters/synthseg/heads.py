"""Tissue maps of digital heads, left and right merged, and their palette: what atlases average."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from stages.anatomy.head import digital_head
from stages.anatomy.tissue import LEFT_TO_RIGHT, relative_signals
from stages.segmenters.synthseg.anatomies import TRAINING_SEEDS
from stages.segmenters.synthseg.labels import MERGED_LABELS, lookup, merged_label


@dataclass(frozen=True)
class Palette:
    """What the values of the tissue maps mean.

    signals: (n_tissues,) T1w signal, white matter 1, index 0 is air.
    channels: (n_tissues,) output channel of the network, 0 for background.
    """

    signals: np.ndarray
    channels: np.ndarray

    @property
    def n_channels(self) -> int:
        """Number of output channels, background included."""
        return int(self.channels.max()) + 1


def tissue_ids() -> list[int]:
    """Labels of a palette's tissues: the network's structures, then what surrounds the brain."""
    right = set(LEFT_TO_RIGHT.values())
    others = {label for label in relative_signals() if label not in right}
    return [*MERGED_LABELS[1:], *sorted(others - set(MERGED_LABELS) - {5})]


def palette() -> Palette:
    """Signals and output channels of the tissues; index 0 is air."""
    signals, ids = relative_signals(), tissue_ids()
    channels = [MERGED_LABELS.index(i) if i in MERGED_LABELS else 0 for i in ids]
    return Palette(np.array([0.0, *(signals[i] for i in ids)]), np.array([0, *channels]))


def tissue_map(labels: np.ndarray) -> torch.Tensor:
    """(superior, anterior, right) FreeSurfer ids -> (right, anterior, superior) palette indices."""
    index = {label: number + 1 for number, label in enumerate(tissue_ids())}
    known = {label: index[merged_label(label)] for label in relative_signals()}
    table = lookup(known, int(labels.max())).astype(np.uint8)
    return torch.from_numpy(np.ascontiguousarray(table[labels].transpose(2, 1, 0)))


def training_maps(seed: int, n_heads: int) -> Iterator[torch.Tensor]:
    """Tissue maps of heads that no cohort contains, built one after the other."""
    for number in range(n_heads):
        yield tissue_map(digital_head(TRAINING_SEEDS + seed * n_heads + number).labels)
