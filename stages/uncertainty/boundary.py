"""How far noise moves the border of a structure: uncertainty from images and one segmentation.

An edge of slope |grad I| whose intensity is off by dI moves by dI / |grad I|, so to first order
dV = integral over the surface of (dI - dT) / |grad I| dA, with T the intensity at which the edge is
drawn. Whatever is said here about a volume works equally on the box around one structure; positions
are indices into `flat` volumes (first index fastest).
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion

from stages.uncertainty.voxelwise import flat

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


def boundary_faces(mask: np.ndarray) -> Faces:
    """Return the faces between a structure and its outside; the edge of the volume has none.

    Args:
        mask: (i, j, k) bool.
    """
    parts = []
    stride = 1
    for axis in range(3):
        lower = np.moveaxis(mask, axis, 0)[:-1]
        upper = np.moveaxis(mask, axis, 0)[1:]
        for step, crossing in ((1, lower & ~upper), (-1, upper & ~lower)):
            whole = np.zeros(mask.shape, dtype=bool)
            np.moveaxis(whole, axis, 0)[:-1] = crossing
            first = np.flatnonzero(flat(whole))
            pair = (first, first + stride) if step == 1 else (first + stride, first)
            parts.append((*pair, np.full(len(first), axis), np.full(len(first), step)))
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
        index = positions // stride % length
        up, down = (index < length - 1).astype(np.int64), (index > 0).astype(np.int64)
        rise = values[positions + up * stride].astype(np.float64)
        rise -= values[positions - down * stride]
        result[:, axis] = rise / (np.maximum(up + down, 1) * size)
        stride *= length
    return result


def face_gradient(
    image: np.ndarray, faces: Faces, voxel_size_mm: tuple[float, float, float]
) -> np.ndarray:
    """Return the mean gradient of the two sides of each face, (n_faces, 3), per mm."""
    sides = (gradient(image, side, voxel_size_mm) for side in (faces.inside, faces.outside))
    return sum(sides) / 2.0


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
        Positions (n_positions,) without repetition and coefficients (n_positions,), mm3 per unit.
    """
    core = np.flatnonzero(flat(binary_erosion(mask)))
    core = core if len(core) else np.flatnonzero(flat(mask))
    touching = binary_dilation(mask)
    shell = np.flatnonzero(flat(binary_dilation(touching, iterations=SHELL_VOXELS - 1) & ~touching))
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
    total = np.bincount(positions, weights=coefficients, minlength=mask.size)
    seen = np.zeros(mask.size, dtype=bool)
    seen[positions] = True
    positions = np.flatnonzero(seen)
    return positions, total[positions]


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


def volume_changes(values: np.ndarray, mean: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Return dV_m = sum over p of c_p (I_m(p) - mean I(p)), (n_members,), mm3.

    Args:
        values: (n_members, n_positions) intensities of the members.
        mean: (n_positions,) their mean.
        coefficients: (n_positions,) from `volume_weights`.
    """
    return (values.astype(np.float64) - mean) @ coefficients
