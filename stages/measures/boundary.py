"""How far noise moves the border of a structure: uncertainty from images and one segmentation.

An edge of slope |grad I| whose intensity is off by dI moves by dI / |grad I|, so to first order
dV = integral over the surface of (dI - dT) / |grad I| dA, with T the intensity at which the edge is
drawn. Whatever is said here about a volume works equally on the box around one structure; positions
are indices into `flat` volumes (first index fastest).
"""

from dataclasses import dataclass

import numpy as np

from stages.measures.voxelwise import flat

PERCENT = 100.0
# percentile of |grad I| over a structure's own border, below which slopes count as this one: where
# the mean image is flat its slope is noise, and its inverse has no bound
FLOOR_PERCENTILE = 10.0
SHELL_VOXELS = 3  # how far from a structure the intensity of its neighbours is read off


@dataclass(frozen=True)
class Faces:
    """The voxel faces between a structure and its outside.

    inside, outside: (n_faces,) positions of the voxels on the two sides; axis: (n_faces,) 0, 1 or
    2, along which they are neighbours; step: (n_faces,) +1 or -1, from the inside to the outside.
    """

    inside: np.ndarray
    outside: np.ndarray
    axis: np.ndarray
    step: np.ndarray

    def __len__(self) -> int:
        return len(self.inside)


def _pairs(volume: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and the upper one of each two neighbours along an axis, as views."""
    along = np.moveaxis(volume, axis, 0)
    return along[:-1], along[1:]


def dilated(mask: np.ndarray) -> np.ndarray:
    """Return a structure and the voxels that share a face with it, (i, j, k) bool.

    Args:
        mask: (i, j, k) bool.
    """
    grown = mask.copy(order="F")
    for axis in range(3):
        for here, there in zip(_pairs(grown, axis), reversed(_pairs(mask, axis)), strict=True):
            here |= there
    return grown


def interior(numbers: np.ndarray) -> np.ndarray:
    """Return the voxels whose six neighbours belong to the same structure, (i, j, k) bool.

    Args:
        numbers: (i, j, k) integers or bool; beyond the volume is another structure.
    """
    within = np.ones(numbers.shape, dtype=bool, order="F")
    for axis in range(3):
        lower, upper = _pairs(numbers, axis)
        same = lower == upper
        for side in _pairs(within, axis):
            side &= same
        np.moveaxis(within, axis, 0)[:1] = False
        np.moveaxis(within, axis, 0)[-1:] = False
    return within


def boundary_faces(mask: np.ndarray) -> Faces:
    """Return the faces between a structure and its outside; the edge of the volume has none.

    Args:
        mask: (i, j, k) bool.
    """
    parts = []
    stride = 1
    for axis in range(3):
        crossing = np.zeros(mask.shape, dtype=bool, order="F")
        np.not_equal(*_pairs(mask, axis), out=_pairs(crossing, axis)[0])
        first = np.flatnonzero(flat(crossing))
        step = np.where(flat(mask)[first], 1, -1)
        inside = np.where(step > 0, first, first + stride)
        parts.append((inside, inside + step * stride, np.full(len(first), axis), step))
        stride *= mask.shape[axis]
    return Faces(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def gradient(
    image: np.ndarray, positions: np.ndarray, voxel_size_mm: tuple[float, float, float]
) -> np.ndarray:
    """Return the central differences (I(x + h) - I(x - h)) / 2h at some voxels.

    The edge of the volume has one-sided differences.

    Args:
        image: (i, j, k).
        positions: (n_positions,).
        voxel_size_mm: edge lengths h in the order of the axes.

    Returns:
        (n_positions, 3), unit of the image per mm.
    """
    values = flat(image)
    result = np.zeros((len(positions), 3))
    stride = 1
    for axis, (length, size) in enumerate(zip(image.shape, voxel_size_mm, strict=True)):
        up, down = (flat(side)[positions] for side in _inner(image.shape, axis))
        rise = values[positions + up * np.int64(stride)].astype(np.float64)
        rise -= values[positions - down * np.int64(stride)]
        result[:, axis] = rise / (np.maximum(up + down, np.int8(1)) * size)
        stride *= length
    return result


def _inner(shape: tuple[int, ...], axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 1 where a voxel has a next one, and where a previous one, two (i, j, k) int8."""
    sides = np.ones((2, *shape[::-1]), dtype=np.int8).transpose(0, 3, 2, 1)
    np.moveaxis(sides[0], axis, 0)[-1:] = 0
    np.moveaxis(sides[1], axis, 0)[:1] = 0
    return sides[0], sides[1]


@dataclass(frozen=True)
class Slopes:
    """The gradients at all voxels with a face to another structure.

    row: (i, j, k) int32, which row of `values` a voxel has; values: (n_border, 3), per mm.
    """

    row: np.ndarray
    values: np.ndarray

    def at(self, faces: Faces, box: tuple[slice, slice, slice]) -> np.ndarray:
        """Return the mean gradient of the two sides of the faces in a box, (n_faces, 3), per mm."""
        row = flat(self.row[box])
        return (self.values[row[faces.inside]] + self.values[row[faces.outside]]) / 2.0


def border_slopes(
    image: np.ndarray, regions: np.ndarray, voxel_size_mm: tuple[float, float, float]
) -> Slopes:
    """Return the gradients of an image along all borders; a voxel's serves all of its faces.

    Args:
        image: (i, j, k).
        regions: (i, j, k) integers or bool that tell the structures apart.
        voxel_size_mm: edge lengths in the order of the axes.
    """
    positions = np.flatnonzero(flat(~interior(regions)))
    row = np.zeros(image.shape, dtype=np.int32, order="F")
    flat(row)[positions] = np.arange(len(positions))
    return Slopes(row, gradient(image, positions, voxel_size_mm))


def guarded_slope(slopes: np.ndarray) -> np.ndarray:
    """Return max(|grad I|, its own `FLOOR_PERCENTILE`), (n_faces,); NaN if that is 0.

    Args:
        slopes: (n_faces, 3) gradients.
    """
    norm = np.linalg.norm(slopes, axis=1)
    floor = np.percentile(norm, FLOOR_PERCENTILE) if len(norm) else 0.0
    return np.maximum(norm, floor) if floor > 0 else np.full(len(norm), np.nan)


def edge_shift(std: np.ndarray, faces: Faces, slope: np.ndarray) -> float:
    """Return the mean over the border of sigma / |grad I|: how far noise moves an edge, in mm.

    Args:
        std: (n_positions,) standard deviation over members of the whole flat volume.
        faces: the border.
        slope: (n_faces,) from `guarded_slope`, per mm.

    Returns:
        NaN without a border or without any slope.
    """
    if not len(faces):
        return float("nan")
    sigma = (std[faces.inside].astype(np.float64) + std[faces.outside]) / 2.0
    return float(np.mean(sigma / slope))


def face_weights(
    faces: Faces,
    slopes: np.ndarray,
    slope: np.ndarray,
    voxel_size_mm: tuple[float, float, float],
) -> np.ndarray:
    """Return by how much the volume grows where the intensity of a face rises by one unit.

    w = -A (n . e) / |grad I|, n = grad I / |grad I|, A the area of the face and e its direction
    outwards: the projection n . e turns the area of a staircase into that of the surface it
    follows, and its sign lets a dark structure shrink where a bright one grows.

    Args:
        faces: the border.
        slopes: (n_faces, 3) gradients, per mm.
        slope: (n_faces,) from `guarded_slope`.
        voxel_size_mm: edge lengths in the order of the axes.

    Returns:
        (n_faces,), mm3 per unit of the image.
    """
    norm = np.linalg.norm(slopes, axis=1)
    along = slopes[np.arange(len(faces)), faces.axis] * faces.step
    area = np.prod(voxel_size_mm) / np.asarray(voxel_size_mm)[faces.axis]
    return -area * along / np.where(norm > 0, norm, 1.0) / slope


def volume_weights(
    mask: np.ndarray, regions: np.ndarray, faces: Faces, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return dV of a structure as a weighted sum of intensities: dV = sum over p of c_p dI(p).

    dV = sum over faces of w (dI - dT). I of a face is the mean of its two voxels. T of a border is
    the mean of the intensities on its two sides: the structure without its outermost layer, and the
    neighbouring region up to `SHELL_VOXELS` away, without the layer that touches; each neighbour
    has a border of its own. Where that leaves no voxel, the layer itself counts. The c_p sum to 0.

    Args:
        mask: (i, j, k) bool, the structure.
        regions: (i, j, k) integers that tell the neighbours apart.
        faces: from `boundary_faces(mask)`.
        weights: (n_faces,) from `face_weights`.

    Returns:
        Positions (n_positions,), some of them more than once, and coefficients (n_positions,), mm3
        per unit.
    """
    core = np.flatnonzero(flat(mask & interior(mask)))
    core = core if len(core) else np.flatnonzero(flat(mask))
    grown = touching = dilated(mask)
    for _ in range(SHELL_VOXELS - 1):
        grown = dilated(grown)
    shell = np.flatnonzero(flat(grown & ~touching))
    numbers = flat(regions)
    shell_numbers, face_numbers = numbers[shell], numbers[faces.outside]
    terms = [(faces.inside, weights / 2.0), (faces.outside, weights / 2.0)]
    terms.append((core, np.full(len(core), -weights.sum() / 2.0 / max(len(core), 1))))
    for number in np.flatnonzero(np.bincount(face_numbers)):
        here = face_numbers == number
        side = shell[shell_numbers == number]
        side = side if len(side) else np.unique(faces.outside[here])
        terms.append((side, np.full(len(side), -weights[here].sum() / 2.0 / len(side))))
    positions, coefficients = (np.concatenate(part) for part in zip(*terms, strict=True))
    return positions, coefficients


def linearised_cv(volume_changes: np.ndarray, volume_mm3: float) -> float:
    """Return 100 sd_m(dV_m) / V with ddof = 1: the coefficient of variation to first order.

    Args:
        volume_changes: (n_members,), mm3, from `volume_changes`.
        volume_mm3: V of the one segmentation.

    Returns:
        Percent; NaN for fewer than two members or without a volume.
    """
    if len(volume_changes) < 2 or not volume_mm3 > 0:
        return float("nan")
    return float(PERCENT * np.std(volume_changes, ddof=1) / volume_mm3)


def volume_changes(values: np.ndarray, columns: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Return dV_m = sum over p of c_p I_m(p) less its mean over members, (n_members,), mm3.

    Args:
        values: (n_members, n_voxels) intensities of the members.
        columns: (n_positions,) which voxel each position is.
        coefficients: (n_positions,) from `volume_weights`.
    """
    sums = np.array([member.take(columns).astype(np.float64) @ coefficients for member in values])
    return sums - sums.mean()
