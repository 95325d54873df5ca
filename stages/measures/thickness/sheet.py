"""The cortex as a sheet between two surfaces: its voxels, and the neighbours of each."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stages.measures.agreement import VoxelSize

LEAST_FRACTION = 0.01  # of a voxel that is cortex; less is rounding, or the tail of a posterior
INNER_FRACTION = 0.5  # of what lies inside the cortex, from which a voxel is not beyond its surface


@dataclass(frozen=True)
class Sheet:
    """Fractions of the voxels of a padded box, and which of them bear cortex.

    Volumes are flat, last index fastest, with at least one voxel around the cortex.
    """

    shape: tuple[int, int, int]
    size_mm: VoxelSize
    cortex: np.ndarray
    """(n_voxels,) float32, fraction of each voxel that is cortex, 0 to 1."""
    inner: np.ndarray
    """(n_voxels,) bool, white matter and what it encloses."""
    index: np.ndarray
    """(n_cortex,) flat positions of the voxels that bear cortex, ascending."""

    @property
    def steps(self) -> tuple[int, int, int]:
        """Return how far neighbours along each axis lie apart in flat volumes."""
        return self.shape[1] * self.shape[2], self.shape[2], 1

    @cached_property
    def neighbours(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Positions of the neighbours before and after each voxel of the cortex, by axis."""
        return [(self.index - step, self.index + step) for step in self.steps]


def sheet(cortex: np.ndarray, inner: np.ndarray, size_mm: VoxelSize) -> Sheet:
    """Return the sheet of a scan.

    Args:
        cortex: (i, j, k) fraction of each voxel that is cortex, 0 to 1; a mask counts as 0 and 1.
        inner: (i, j, k) fraction that is white matter or enclosed by it.
        size_mm: edges of a voxel.
    """
    padded = np.pad(np.asarray(cortex, dtype=np.float32), 1)
    inside = np.pad(np.asarray(inner) >= INNER_FRACTION, 1)
    index = np.flatnonzero(padded >= LEAST_FRACTION)
    return Sheet(padded.shape, size_mm, padded.ravel(), inside.ravel(), index)
