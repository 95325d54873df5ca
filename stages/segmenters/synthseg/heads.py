"""Digital heads as training material: tissue maps, their palette, and the shading of the coils."""

from collections.abc import Iterator

import numpy as np
import torch

from stages.anatomy.grid import HEAD_SHAPE
from stages.anatomy.head import digital_head
from stages.anatomy.tissue import LEFT_TO_RIGHT, relative_signals
from stages.scanner.coils import receive_coils
from stages.segmenters.synthseg.labels import MERGED_LABELS, lookup, merged_label
from stages.segmenters.synthseg.synthesis import Palette
from stages.study.axes import three

TRAINING_SEEDS = 1_000_000  # seeds of training heads begin here, far from those of any cohort
N_COILS = 12


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


def field_of_view(voxel_size_mm: float) -> tuple[int, int, int]:
    """Voxels of a scan of a whole head, (right, anterior, superior)."""
    superior, anterior, right = (round(n / voxel_size_mm) for n in HEAD_SHAPE)
    return right, anterior, superior


def training_maps(seed: int, n_heads: int) -> Iterator[torch.Tensor]:
    """Tissue maps of heads that no cohort contains, built one after the other."""
    for number in range(n_heads):
        yield tissue_map(digital_head(TRAINING_SEEDS + seed * n_heads + number).labels)


def coil_shading(shape: tuple[int, int, int], voxel_size_mm: float) -> torch.Tensor:
    """Logarithm of the head array's root of the sum of squares, (right, anterior, superior)."""
    coils = receive_coils(three(reversed(shape)), voxel_size_mm, N_COILS)
    power = np.square(np.abs(coils)).sum(0)
    return torch.from_numpy(np.ascontiguousarray(0.5 * np.log(power).transpose(2, 1, 0)))
