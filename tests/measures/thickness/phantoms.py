"""Digital phantoms of the cortex whose thickness is known exactly, as fractions of voxels."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

SUBVOXELS = 5  # along each axis of a voxel that a surface cuts
FINE = 3  # voxels of a folded phantom's fine grid along each edge of a voxel of 1 mm
HEIGHT_MM, WAVE_MM = 4.0, 24.0  # of the folds: their radius of curvature is 3.6 mm
SIDE_MM = 42
SURFACE_MM = 0.25  # between the points of its surface


class Phantom(NamedTuple):
    """Fractions (i, j, k) of voxels, and the thickness in mm."""

    cortex: np.ndarray
    inner: np.ndarray
    thickness_mm: float


def shell(radius_mm: float, thickness_mm: float, size_mm: float) -> Phantom:
    """Return the cortex between two spheres around a point that is no grid point."""
    reach = radius_mm + thickness_mm + 3.0
    centre = np.array([0.13, 0.37, -0.21]) * size_mm
    line = np.arange(-np.ceil(reach / size_mm), np.ceil(reach / size_mm) + 1) * size_mm
    inner = _ball(line, centre, radius_mm, size_mm)
    whole = _ball(line, centre, radius_mm + thickness_mm, size_mm)
    return Phantom(whole - inner, inner, thickness_mm)


def _ball(line: np.ndarray, centre: np.ndarray, radius: float, size: float) -> np.ndarray:
    """Return the fraction of each voxel inside a sphere, by points within those that it cuts."""
    axes = np.meshgrid(*(line - c for c in centre), indexing="ij", sparse=True)
    distance = np.sqrt(sum(axis**2 for axis in axes))
    filled = (distance < radius).astype(np.float64)
    cut = np.abs(distance - radius) < size
    points = [np.broadcast_to(axis, cut.shape)[cut] for axis in axes]
    steps = ((np.arange(SUBVOXELS) + 0.5) / SUBVOXELS - 0.5) * size
    count = np.zeros(int(cut.sum()))
    for i in steps:
        for j in steps:
            for k in steps:
                squares = (points[0] + i) ** 2 + (points[1] + j) ** 2 + (points[2] + k) ** 2
                count += squares < radius**2
    filled[cut] = count / SUBVOXELS**3
    return filled


def folded(thickness_mm: float, seed: int, size_mm: int = 1) -> Phantom:
    """Return a folded sheet: all that lies within a distance of a wavy pial surface.

    Its thickness is exact everywhere as long as it is below the radius of the folds' curvature.
    The waves and their place on the grid are drawn by `seed`.
    """
    rng = np.random.default_rng(seed)
    phase, turn = rng.uniform(0, 2 * np.pi, 2), rng.uniform(0, np.pi)
    step, base = 1.0 / FINE, 16.0 + rng.uniform(0, size_mm)

    def height(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        wave = np.cos(2 * np.pi * along / WAVE_MM + phase[0])
        wave = wave * (0.75 + 0.25 * np.cos(np.pi * across / WAVE_MM + phase[1]))
        return base + HEIGHT_MM * wave

    surface_line = np.arange(-6.0, SIDE_MM + 6.0, SURFACE_MM)
    x, y = np.meshgrid(surface_line, surface_line, indexing="ij")
    surface = cKDTree(np.stack([x, y, height(x, y)], axis=-1).reshape(-1, 3))
    line = (np.arange(SIDE_MM * FINE) + 0.5) * step
    x, y = np.meshgrid(line, line, indexing="ij")
    up = (np.arange(24 * FINE) + 0.5) * step
    under = height(x, y)[..., None] - up
    below = under > 0
    places = np.argwhere(below & (under < 1.6 * thickness_mm))  # slopes are below 50 degrees
    points = (places + 0.5) * step
    near, _ = surface.query(points)
    cortex = np.zeros(below.shape, dtype=bool)
    cortex[tuple(places[near <= thickness_mm].T)] = True
    n = FINE * size_mm
    return Phantom(_coarse(cortex, n), _coarse(below & ~cortex, n), thickness_mm)


def _coarse(mask: np.ndarray, n: int) -> np.ndarray:
    """Return the filled fraction of blocks of n voxels along each edge."""
    kept = [size // n * n for size in mask.shape]
    shape = [part for size in kept for part in (size // n, n)]
    return mask[tuple(slice(size) for size in kept)].reshape(shape).mean(axis=(1, 3, 5))
