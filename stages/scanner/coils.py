"""Receive sensitivities of a simulated head array: two rings of loops around the head."""

from dataclasses import dataclass

import numpy as np

AXIS_MM = np.float32(1e-3)
"""Closer than this to the axis of a loop along the body the azimuth is not defined."""


@dataclass(frozen=True)
class Array:
    """Layout of the head array; mm, the origin is the centre voxel of the field of view."""

    loop_radius: float = 55.0
    ring_radius_anterior: float = 150.0
    ring_radius_lateral: float = 125.0
    ring_heights: tuple[float, ...] = (-35.0, 45.0)
    """Superior coordinate of each ring."""
    phase_slope: float = 0.01
    """Phase along the body axis, rad / mm, of opposite sign in neighbouring rings."""
    normal_radius: float = 50.0
    """Half edge of the central cube in which the mean root of the sum of squares is 1."""


HEAD_ARRAY = Array()


def receive_coils(
    shape: tuple[int, int, int],
    voxel_size_mm: float | tuple[float, float, float],
    n_coils: int = 12,
    array: Array = HEAD_ARRAY,
) -> np.ndarray:
    """Complex sensitivities of all loops, complex64 (n_coils, superior, anterior, right).

    Args:
        shape: voxels along (superior, anterior, right).
        voxel_size_mm: edge of a voxel, one number or one an axis.
        n_coils: loops, shared between the rings.
        array: layout of the rings.
    """
    return np.stack(
        [one_coil(shape, voxel_size_mm, n_coils, index, array) for index in range(n_coils)]
    )


def one_coil(
    shape: tuple[int, int, int],
    voxel_size_mm: float | tuple[float, float, float],
    n_coils: int,
    index: int,
    array: Array = HEAD_ARRAY,
) -> np.ndarray:
    """Complex sensitivity of the loop `index`, complex64 of `shape`; see `receive_coils`."""
    positions = positions_mm(shape, voxel_size_mm)
    return loop_field(positions, n_coils, index, array) / normalisation(n_coils, array)


def positions_mm(
    shape: tuple[int, int, int], voxel_size_mm: float | tuple[float, float, float]
) -> list[np.ndarray]:
    """Open grid of coordinates (superior, anterior, right); voxel N // 2 is the origin."""
    sizes = np.broadcast_to(voxel_size_mm, 3)
    axes = [
        ((np.arange(n) - n // 2) * size).astype(np.float32)
        for n, size in zip(shape, sizes, strict=True)
    ]
    return list(np.meshgrid(*axes, indexing="ij", sparse=True))


def loop_centre(n_coils: int, index: int, array: Array) -> tuple[float, float, float, int]:
    """Centre of a loop (superior, anterior, right) in mm, and the number of its ring."""
    n_rings = len(array.ring_heights)
    ring = index * n_rings // n_coils
    members = [i for i in range(n_coils) if i * n_rings // n_coils == ring]
    angle = 2 * np.pi * (members.index(index) + 0.5 * ring) / len(members)
    anterior = array.ring_radius_anterior * np.cos(angle)
    right = array.ring_radius_lateral * np.sin(angle)
    return array.ring_heights[ring], float(anterior), float(right), ring


def loop_field(positions: list[np.ndarray], n_coils: int, index: int, array: Array) -> np.ndarray:
    """Field of one loop at broadcastable positions (superior, anterior, right), complex64.

    |B| = (a^2 / (a^2 + d^2))^(3/2) at the distance d, the field of Biot and Savart on the axis of a
    loop of radius a (Roemer 1990, doi:10.1002/mrm.1910160203); the phase is the azimuth seen from
    the loop, as of a circularly polarised component.
    """
    *centre, ring = loop_centre(n_coils, index, array)
    superior, anterior, right = (p - np.float32(c) for p, c in zip(positions, centre, strict=True))
    squares = superior**2 + anterior**2 + right**2
    area = np.float32(array.loop_radius**2)
    share = area / (area + squares)
    slope = np.float32(array.phase_slope * (-1) ** ring)
    azimuth = (right + 1j * anterior) / np.maximum(np.hypot(right, anterior), AXIS_MM)
    return share * np.sqrt(share) * (azimuth * np.exp(1j * slope * superior))


def normalisation(n_coils: int, array: Array = HEAD_ARRAY) -> float:
    """Mean root of the sum of squares of all loop fields in the central cube, before scaling."""
    edge = np.linspace(-array.normal_radius, array.normal_radius, 11, dtype=np.float32)
    cube = list(np.meshgrid(edge, edge, edge, indexing="ij", sparse=True))
    power = sum(np.abs(loop_field(cube, n_coils, i, array)) ** 2 for i in range(n_coils))
    return float(np.sqrt(power).mean())
