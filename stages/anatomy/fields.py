"""Smooth random fields and diffeomorphic warps on regular grids."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from stages.anatomy.grid import along

SQUARINGS = 6
"""A velocity field is integrated by 2**6 small steps (scaling and squaring)."""


def smooth_noise(
    shape: Sequence[int],
    sigma: float,
    rng: np.random.Generator,
    *,
    outer_sigma: float | None = None,
) -> np.ndarray:
    """Gaussian random field of unit variance, float32 of `shape`.

    White noise smoothed by `sigma` voxels; with `outer_sigma`, the difference of two smoothings
    (band-pass). Wide fields are drawn on a coarser grid and interpolated linearly.
    """
    step = 1 if sigma < 4 else int(sigma // 2)
    coarse = [int(np.ceil(n / step)) + 3 for n in shape]
    white = rng.standard_normal(coarse, dtype=np.float32)
    field = ndimage.gaussian_filter(white, sigma / step, mode="wrap")
    if outer_sigma is not None:
        field -= ndimage.gaussian_filter(white, outer_sigma / step, mode="wrap")
    field /= field.std()
    return upsample(field, step, shape)


def upsample(coarse: np.ndarray, step: int, shape: Sequence[int]) -> np.ndarray:
    """Linear interpolation of node values, node k at voxel k * step; float32 of `shape`."""
    fine = np.asarray(coarse, np.float32)
    for axis, n in enumerate(shape):
        position = np.arange(n, dtype=np.float32) / np.float32(step)
        node = np.minimum(position.astype(int), fine.shape[axis] - 2)
        weight = along(position - node, axis)
        below, above = np.take(fine, node, axis), np.take(fine, node + 1, axis)
        above -= below
        above *= weight
        fine = below + above
    return fine


def displacement(
    shape: Sequence[int],
    amplitudes_mm: Sequence[float],
    sigmas_mm: Sequence[float],
    rng: np.random.Generator,
    *,
    step: int = 4,
    asymmetry: float = 0.2,
) -> np.ndarray:
    """Diffeomorphic displacement in mm, float32 (3, *coarse), on every `step`-th voxel of 1 mm.

    exp(v) of a stationary velocity field v, the sum of smooth fields of the given amplitudes and
    widths, by scaling and squaring (Arsigny 2006, doi:10.1007/11866565_113). The last axis is
    left-right: `asymmetry` is the share of the antisymmetric part.
    """
    coarse = tuple(int(np.ceil(n / step)) + 1 for n in shape)
    bands = list(zip(amplitudes_mm, sigmas_mm, strict=True))
    velocity = np.stack(
        [sum(a * smooth_noise(coarse, s / step, rng) for a, s in bands) / step for _ in range(3)]
    )
    mirrored = velocity[..., ::-1] * np.array([1, 1, -1], np.float32).reshape(3, 1, 1, 1)
    symmetric, antisymmetric = velocity + mirrored, velocity - mirrored
    velocity = np.float32(0.58) * (symmetric + np.float32(asymmetry) * antisymmetric)
    return exponential(velocity) * np.float32(step)


def exponential(velocity: np.ndarray) -> np.ndarray:
    """Displacement (3, n0, n1, n2) in voxels of the flow of a velocity field after unit time."""
    nodes = np.stack(
        np.meshgrid(*[np.arange(n, dtype=np.float32) for n in velocity.shape[1:]], indexing="ij")
    )
    flow = velocity / np.float32(2**SQUARINGS)
    for _ in range(SQUARINGS):
        flow = flow + np.stack([resample(part, nodes + flow) for part in flow])
    return flow


def resample(volume: np.ndarray, positions: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Linear interpolation at voxel positions (3, ...), the edge repeated outside; float32."""
    return ndimage.map_coordinates(
        np.asarray(volume, np.float32), positions, order=1, mode="nearest"
    )
