"""From an image to the network's input, by SynthSeg's recipe, and back to the image's axes.

Specification: Billot et al. 2023, doi:10.1016/j.media.2023.102789, and its published command.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from stages.segmenters.head_box import head_box
from stages.segmenters.image import Image

Margins = tuple[tuple[int, int], ...]
ANTI_ALIASING = 0.25  # standard deviation of the smoothing before down-sampling, output voxels


@dataclass(frozen=True)
class Recipe:
    """How images become network inputs, and posteriors become labels."""

    voxel_size_mm: float = 1.0
    """Images are resampled to it where a side differs by more than `tolerance_mm`."""
    tolerance_mm: float = 0.05
    percentiles: tuple[float, float] = (0.5, 99.5)
    """Of the whole image, mapped to 0 and 1."""
    multiple: int = 32
    minimum: int = 128
    """Sides of the padded grid, voxels."""
    blur: float = 0.5
    """Standard deviation of the smoothing of posteriors, voxels; 0 for none."""
    floor: float = 0.2
    """Posteriors of structures at or below it are dropped (robust and fast post-processing)."""
    cropped: bool = False
    """Whether the image is cut to the head first: then percentiles do not depend on its air."""

    def coarser(self, factor: float) -> "Recipe":
        """Return the recipe of a grid whose voxels are `factor` times as large."""
        minimum = self.multiple * round(self.minimum / factor / self.multiple)
        return replace(self, voxel_size_mm=factor * self.voxel_size_mm, minimum=minimum)


@dataclass(frozen=True)
class Prepared:
    """A network input and how to return from it.

    image: (x, y, z) float32, axes right, anterior, superior, values 0..1, zero-padded.
    start: first voxel of the image in the padded grid.
    shape: of the image before padding.
    affine: of that grid, in the axis order of the file.
    voxel_size_mm: edges that volumes are multiplied with.
    margins: voxels of the grid before and behind it, that were cut off, axes as in the file.
    """

    image: np.ndarray
    start: tuple[int, ...]
    shape: tuple[int, ...]
    affine: np.ndarray
    voxel_size_mm: np.ndarray
    margins: Margins = ((0, 0), (0, 0), (0, 0))

    def whole(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return labels in the axes of the file with the margins that were cut off; their affine.

        Args:
            labels: (x, y, z), axes right, anterior, superior, of the image before padding.
        """
        matrix = self.affine.copy()
        matrix[:3, 3] -= matrix[:3, :3] @ [before for before, _ in self.margins]
        return np.pad(from_ras(labels, self.affine), self.margins), matrix

    @property
    def inside(self) -> tuple[slice, ...]:
        """Slices of the image in the padded grid."""
        return tuple(slice(a, a + n) for a, n in zip(self.start, self.shape, strict=True))


def prepare(image: Image, recipe: Recipe) -> Prepared:
    """Cut to the head, resample if the voxel size differs, align to RAS, rescale, pad."""
    data, affine, size = image.data, image.affine, image.voxel_size_mm
    margins: Margins = ((0, 0), (0, 0), (0, 0))
    if recipe.cropped:
        box = head_box(data, size)
        margins = tuple((b.start, n - b.stop) for b, n in zip(box, data.shape, strict=True))
        data, affine = data[box], moved(affine, np.array([b.start for b in box]))
    if np.any(np.abs(size - recipe.voxel_size_mm) > recipe.tolerance_mm):
        factor = np.sqrt((affine[:3, :3] ** 2).sum(0)) / recipe.voxel_size_mm
        margins = tuple(
            (math.floor(a * f), math.floor(b * f))
            for (a, b), f in zip(margins, factor, strict=True)
        )
        data, affine = resample(data, affine, recipe.voxel_size_mm)
        size = np.full(3, recipe.voxel_size_mm)
    data = rescale(to_ras(data, affine), recipe.percentiles)
    padded, start = pad(data, recipe.multiple, recipe.minimum)
    return Prepared(padded, start, data.shape, affine, size, margins)


def moved(affine: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the affine of a part of a grid that begins at a voxel."""
    matrix = affine.copy()
    matrix[:3, 3] += matrix[:3, :3] @ start
    return matrix


def resample(
    data: np.ndarray, affine: np.ndarray, voxel_size_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Change the voxel size: smoothing where it grows, then linear interpolation.

    With f = old / new size along an axis: Gaussian of 0.25 / f voxels unless f > 1, samples at
    x = -(f - 1) / (2 f) + m / f clamped to the image, m = 0 .. ceil(N f) - 1.

    Returns:
        The resampled volume and its affine.
    """
    factor = np.sqrt((affine[:3, :3] ** 2).sum(0)) / voxel_size_mm
    sigma = ANTI_ALIASING / factor
    sigma[factor > 1] = 0
    data = ndimage.gaussian_filter(data, sigma)
    for axis, f in enumerate(factor):
        data = _interpolate(data, axis, f)
    matrix = affine.copy()
    matrix[:3, :3] /= factor
    matrix[:3, 3] -= matrix[:3, :3] @ (0.5 * (factor - 1))
    return data, matrix


def _interpolate(data: np.ndarray, axis: int, factor: float) -> np.ndarray:
    n = data.shape[axis]
    start, step = -(factor - 1) / (2 * factor), 1 / factor
    position = np.arange(start, start + step * math.ceil(n * factor), step).clip(0, n - 1)
    below = np.minimum(position.astype(int), n - 2)
    weight = (position - below).reshape([-1 if a == axis else 1 for a in range(3)])
    return np.take(data, below, axis) * (1 - weight) + np.take(data, below + 1, axis) * weight


def ras_axes(affine: np.ndarray) -> tuple[list[int], list[int]]:
    """Which voxel axis runs along right, anterior, superior, and which of these are reversed.

    Of an oblique image the nearest axes; where two voxel axes claim one direction, the later
    direction takes the axis left over.
    """
    claimed = np.abs(np.linalg.inv(affine)[:3, :3]).argmax(0)
    for axis in range(3):
        if axis not in claimed:
            values, counts = np.unique(claimed, return_counts=True)
            twice = values[counts.argmax()]
            claimed[np.flatnonzero(claimed == twice)[-1]] = axis
    axes = [int(a) for a in claimed]
    return axes, [world for world, axis in enumerate(axes) if affine[world, axis] < 0]


def to_ras(data: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """View of a volume (i, j, k) with the axes right, anterior, superior."""
    axes, reverse = ras_axes(affine)
    return np.flip(data.transpose(axes), reverse)  # type: ignore[call-overload]  # a list of axes


def from_ras(data: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Undo `to_ras`: (right, anterior, superior) back to the axes of the file."""
    axes, reverse = ras_axes(affine)
    return np.flip(data, reverse).transpose(np.argsort(axes))  # type: ignore[call-overload]  # a list of axes


def rescale(data: np.ndarray, percentiles: tuple[float, float]) -> np.ndarray:
    """Map two percentiles of the whole image to 0 and 1 and clip; a constant image becomes zero."""
    low, high = np.percentile(data, percentiles)
    if low == high:
        return np.zeros_like(data)
    return (np.clip(data, low, high) - low) / (high - low)


def pad(data: np.ndarray, multiple: int, minimum: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """Zeros around the volume up to multiples of `multiple`, at least `minimum`; float32."""
    sides = [max(math.ceil(n / multiple) * multiple, minimum) for n in data.shape]
    start = tuple((side - n) // 2 for side, n in zip(sides, data.shape, strict=True))
    padded = np.zeros(sides, np.float32)
    padded[tuple(slice(a, a + n) for a, n in zip(start, data.shape, strict=True))] = data
    return padded, start


def nearest_grid(
    labels: np.ndarray, affine: np.ndarray, shape: tuple[int, ...], target: np.ndarray
) -> np.ndarray:
    """Labels on another grid, nearest neighbour; 0 outside.

    Args:
        labels: (i, j, k) with voxel-to-world `affine`.
        shape, target: of the wanted grid.
    """
    matrix = np.linalg.inv(affine) @ target
    return ndimage.affine_transform(
        labels, matrix[:3, :3], matrix[:3, 3], output_shape=shape, order=0, mode="grid-constant"
    )
