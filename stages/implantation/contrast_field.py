r"""What a disease does to the signal of a scan, voxel by voxel.

.. math:: c = \frac{S_\mathrm{diseased}}{S_\mathrm{healthy}} = 1 + \frac{D}{S_\mathrm{healthy}}

with the signals of the tissues on voxels of 1 mm, their borders blurred as those of the digital
phantoms, at the resolution of the scan: real, smooth at borders, and 1 where nothing changes.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from stages.anatomy.contrast import EDGE_MM
from stages.implantation.fine_grid import FineGrid
from stages.implantation.tissue_intensities import tissue_of

SUPPORT = 4
"""Voxels of the scan beyond which the ringing of a border (below 3 % of its step) is cut off."""
LOWEST = 0.5
"""Of the darkest tissue: what ringing may take S_healthy down to."""


@dataclass(frozen=True)
class ContrastField:
    """The signal of healthy tissue and what a disease adds to it, in units of white matter's."""

    healthy: np.ndarray
    """S_healthy (n_slices, n_ky, n_kz), float32, above 0."""
    difference: np.ndarray
    """D = S_diseased - S_healthy of the same shape, 0 beyond `SUPPORT` voxels of a change."""

    @property
    def ratio(self) -> np.ndarray:
        """Return the contrast field c."""
        return 1 + self.difference / self.healthy

    @property
    def slices(self) -> np.ndarray:
        """Return the indices of the slices that change."""
        return np.flatnonzero(self.difference.any(axis=(1, 2)))


def contrast_field(
    healthy: np.ndarray, diseased: np.ndarray, signals: dict[int, float], grid: FineGrid
) -> ContrastField:
    """Return the contrast field between two label maps of the fine grid.

    Args:
        healthy: FreeSurfer ids before.
        diseased: and after; those of lesions among them.
        signals: tissue or label of a lesion -> intensity in units of white matter's.
        grid: where they lie.
    """
    before, after = signal_of(healthy, signals), signal_of(diseased, signals)
    changed = np.argwhere(healthy != diseased)
    support = np.zeros(grid.grid, bool)
    scale = np.array(grid.grid) / np.array(grid.shape)
    nearest = np.minimum(np.rint(changed * scale).astype(int), np.array(grid.grid) - 1)
    support[tuple(nearest.T)] = True
    support = ndimage.binary_dilation(support, np.ones((3, 3, 3)), iterations=SUPPORT)
    difference = grid.coarsen(after - before)
    difference[~support] = 0
    lowest = np.float32(LOWEST * min(signals.values()))
    return ContrastField(np.maximum(grid.coarsen(before), lowest), difference)


def signal_of(labels: np.ndarray, signals: dict[int, float]) -> np.ndarray:
    """Return the signal of a label map of the fine grid, its borders blurred by `EDGE_MM`."""
    table = np.zeros(int(labels.max(initial=0)) + 1, np.float32)
    tissues = tissue_of(np.arange(len(table)))
    for label in np.unique(labels):
        table[label] = signals[int(tissues[label])]
    return ndimage.gaussian_filter(table[labels], EDGE_MM)
