"""Label maps of a scan on voxels of about 1 mm, where diseases are drawn, and the way back.

Voxel 0 of both grids has one centre, as in `stages/anatomy/view.py`, and the field of view is
periodic. The way back keeps the central part of the spectrum, as a scanner does.
"""

from dataclasses import dataclass
from functools import cached_property

import nibabel as nib
import numpy as np
import scipy.fft
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from scipy import ndimage

from stages.anatomy.diseases.regions import box
from stages.anatomy.grid import along
from stages.scanner.phantoms import AXIS_CODES
from stages.study.axes import Shape, three

SMOOTHING = 0.5
"""Of a label's mask, in voxels of the scan: rounds the steps of its border, and breaks ties."""
REACH = 3
"""Voxels of the scan beyond its mask where a label may win."""


@dataclass(frozen=True)
class FineGrid:
    """Voxels of about 1 mm over the field of view of a scan."""

    grid: Shape
    """Voxels of the scan (n_slices, n_ky, n_kz)."""
    affine: np.ndarray
    """(4, 4) voxel of the scan to RAS mm."""

    @cached_property
    def shape(self) -> Shape:
        """Fine voxels along the axes of the scan."""
        edges = nib.affines.voxel_sizes(self.affine)
        return three(max(1, round(n * mm)) for n, mm in zip(self.grid, edges, strict=True))

    @property
    def voxel_mm3(self) -> float:
        """Volume of a fine voxel, near 1 mm3."""
        fine, coarse = np.prod(self.shape), np.prod(self.grid)
        return float(np.prod(nib.affines.voxel_sizes(self.affine)) * coarse / fine)

    @property
    def turn(self) -> np.ndarray:
        """Orientation transform from the axes of the scan to (superior, anterior, right)."""
        return ornt_transform(io_orientation(self.affine), axcodes2ornt(AXIS_CODES))

    def to_anatomy(self, volume: np.ndarray) -> np.ndarray:
        """Turn a volume of the scan's axes to (superior, anterior, right)."""
        return np.ascontiguousarray(apply_orientation(volume, self.turn))

    def to_scan(self, volume: np.ndarray) -> np.ndarray:
        """Turn a volume of (superior, anterior, right) to the scan's axes."""
        back = ornt_transform(axcodes2ornt(AXIS_CODES), io_orientation(self.affine))
        return np.ascontiguousarray(apply_orientation(volume, back))

    def refine(self, labels: np.ndarray) -> np.ndarray:
        """Return a label map of the scan's grid on the fine grid, uint16.

        The label whose mask, smoothed and interpolated linearly, is the largest; ties go to the
        lowest.
        """
        if self.shape == self.grid:
            return labels.astype(np.uint16)
        best = np.zeros(self.shape, np.float32)
        result = np.zeros(self.shape, np.uint16)
        for label in np.unique(labels):
            mask = labels == label
            score, fine = self._interpolated(mask, box(mask, REACH))
            better = score > best[fine]
            result[fine][better], best[fine][better] = label, score[better]
        return result

    def coarsen(self, volume: np.ndarray) -> np.ndarray:
        """Return a fine volume on the scan's grid, float32: the central part of its spectrum."""
        result = np.asarray(volume, np.float32)
        for axis, n in enumerate(self.grid):
            result = resampled(result, n, axis)
        return result

    def _interpolated(
        self, mask: np.ndarray, where: tuple[slice, ...]
    ) -> tuple[np.ndarray, tuple[slice, ...]]:
        """Return a smoothed mask in a box, on the fine voxels that lie in it, and these."""
        part = mask[where].astype(np.float32)
        score = ndimage.gaussian_filter(part, SMOOTHING, mode="nearest")
        fine = []
        for axis, span in enumerate(where):
            ratio = self.grid[axis] / self.shape[axis]
            position = np.arange(self.shape[axis]) * ratio - span.start
            last = score.shape[axis] - 1
            if span.start + last == self.grid[axis] - 1:
                last += 1  # fine voxels beyond the centre of the scan's last one belong to it
            inside = np.flatnonzero((position >= 0) & (position <= last))
            position = np.clip(position[inside], 0, score.shape[axis] - 1)
            below = np.minimum(position.astype(int), max(score.shape[axis] - 2, 0))
            above = np.minimum(below + 1, score.shape[axis] - 1)
            weight = along(position - below, axis)
            low, high = np.take(score, below, axis), np.take(score, above, axis)
            score = low + weight * (high - low)
            fine.append(slice(int(inside[0]), int(inside[-1]) + 1))
        return score, tuple(fine)


def resampled(volume: np.ndarray, n_wanted: int, axis: int) -> np.ndarray:
    """Return a real volume with another number of voxels along an axis, by its Fourier series.

    Of an even number of voxels, the frequency at the end is left out: it has no partner.
    """
    n_given = volume.shape[axis]
    if n_given == n_wanted:
        return volume
    spectrum = scipy.fft.rfft(volume, axis=axis)
    n_kept = (min(n_given, n_wanted) + 1) // 2
    kept = np.take(spectrum, np.arange(n_kept), axis=axis)
    result = scipy.fft.irfft(kept, n=n_wanted, axis=axis)
    return (result * np.float32(n_wanted / n_given)).astype(np.float32)
