"""The cerebrum: its hull with fissures, and the folded cortex.

Everything that is smooth on a scale of millimetres is computed on every second voxel. Sulci are
zero sets of band-pass noise on the hull, extended inwards along the hull's normal.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from stages.anatomy.fields import displacement, resample, smooth_noise, upsample
from stages.anatomy.grid import HEAD_SHAPE, Points, along
from stages.anatomy.shapes import Ellipsoid, least, most, smooth_least
from stages.anatomy.variation import Subject

HALF = 2
"""Step of the coarse grid, voxels of 1 mm."""

CONVEXITY = Ellipsoid((0, -17, 16), (63.5, 83, 53))
FRONTAL_POLE = Ellipsoid((20, 30, -2), (23, 30, 20))
OCCIPITAL_POLE = Ellipsoid((18, -71, 1), (24, 27, 20))
TEMPORAL_LOBE = Ellipsoid((38.5, -16, -18.5), (25, 45, 20), elevation=12)
CALLOSAL_ZONE = Ellipsoid((0, -8, 6), (1, 39, 24))
"""Where the hemispheres are joined: no fissure between them (its lateral radius is idle)."""
DIENCEPHALIC_ZONE = Ellipsoid((0, -10, 3), (31, 35, 19))
"""The core of the brain, which bears no cortex."""


@dataclass(frozen=True)
class FoldingScale:
    """Scales of the cortex; mm unless said otherwise."""

    sulcus_sigma: float = 2.7
    """Inner width of the band-pass noise whose zeros are the sulci, coarse voxels."""
    gyrus_sigma: float = 5.2
    """Outer width of that noise, coarse voxels."""
    depth: float = 15.5
    """Mean depth of the sulci."""
    depth_spread: float = 5.0
    width: float = 0.30
    """Half width of a sulcus at the age of 30."""
    width_ageing: float = 0.50
    thickness: float = 2.55
    """Cortical thickness at the age of 30; Fischl and Dale 2000, doi:10.1073/pnas.200033797."""
    thickness_ageing: float = -0.25
    fissure: float = 0.75
    """Half width of the large fissures at the age of 30."""
    fissure_ageing: float = 0.6


FOLDING = FoldingScale()


@dataclass(frozen=True)
class Cerebrum:
    """Masks of the cerebrum; the first on every second voxel, the others on the 1 mm grid."""

    hull: np.ndarray
    """Inside of the smooth hull, before fissures and sulci."""
    inside: np.ndarray
    """Cortex, white matter and sulci."""
    sulci: np.ndarray
    cortex: np.ndarray


def build_cerebrum(
    points: Points, right: np.ndarray, subject: Subject, rng: np.random.Generator
) -> Cerebrum:
    """Hull, fissures and folds of the cerebrum at warped `points` of the 1 mm grid.

    `right` is the signed distance from the midline (mm) that `points.lateral` is the size of.
    """
    coarse = points.every(HALF)
    hull = cerebral_hull(coarse)
    wobble = 1.6 * smooth_noise(hull.shape, 4, rng) + 1.5 * smooth_noise(hull.shape, 7, rng)
    half_width = FOLDING.fissure + FOLDING.fissure_ageing * subject.ageing
    carved = fissures(coarse, right[::HALF, ::HALF, ::HALF], wobble, half_width)
    inside = (hull < 0) & (carved > 0)
    depth, pattern, deepness = folding_fields(inside, rng)
    bent = bend([inside, depth, pattern, deepness], rng)
    masks = fold(*bent, points, subject)
    return Cerebrum(hull < 0, *masks)


def cerebral_hull(points: Points) -> np.ndarray:
    """Signed distance of the unfolded cerebrum."""
    lateral, anterior, superior = points
    upper = smooth_least(CONVEXITY.distance(points), FRONTAL_POLE.distance(points), 6)
    upper = smooth_least(upper, OCCIPITAL_POLE.distance(points), 6)
    backwards = np.clip((-18 - anterior) / 26, 0, 1)
    tentorium = 1 - 0.30 * lateral - 0.22 * np.maximum(-anterior - 48, 0) - superior
    orbits = -15 + 0.12 * (lateral - 15) * (lateral < 45) - superior
    skull_base = (1 - backwards) * (-11 - superior) + backwards * tentorium
    floor = ndimage.gaussian_filter(np.where(anterior > 2, orbits, skull_base), 2.5)
    temporal_floor = (1 - backwards) * (-46 - superior) + backwards * tentorium
    temporal = most(
        TEMPORAL_LOBE.distance(points), np.where(anterior < -18, temporal_floor, np.float32(-99))
    )
    return smooth_least(most(upper, floor), temporal, 5)


def fissures(
    points: Points, right: np.ndarray, wobble: np.ndarray, half_width: float
) -> np.ndarray:
    """Signed distance of the interhemispheric and Sylvian fissures and of the insular cleft."""
    lateral, anterior, superior = points
    midline = most(
        np.abs(right + 0.35 * wobble) - half_width,
        -CALLOSAL_ZONE.distance(Points(lateral * 0, anterior, superior)),
    )
    sylvian_height = -3 - 0.42 * (anterior - 6) + 1.6 * wobble
    sylvian = most(
        np.abs(superior - sylvian_height) - 0.9 * half_width,
        36 - lateral,
        anterior - 30,
        -44 - anterior,
    )
    insula = most(
        np.abs(lateral - 37.8 - 0.06 * np.abs(anterior) + wobble) - 0.9 * half_width,
        np.abs(superior - sylvian_height - 2) - 11.5,
        anterior - 22,
        -22 - anterior,
    )
    return least(midline, sylvian, insula)


def folding_fields(inside: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Depth (mm) under the hull, and two noises that are constant along the hull's normals.

    The zeros of the first noise are the sulci, the second says how deep they reach.
    """
    depth, nearest = ndimage.distance_transform_edt(inside, sampling=HALF, return_indices=True)
    nearest = tuple(nearest)
    noise = smooth_noise(inside.shape, FOLDING.sulcus_sigma, rng, outer_sigma=FOLDING.gyrus_sigma)
    pattern = ndimage.gaussian_filter(noise[nearest], 0.6)
    deepness = ndimage.gaussian_filter(smooth_noise(inside.shape, 6, rng)[nearest], 0.7)
    return depth.astype(np.float32), pattern, deepness


def bend(volumes: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """The coarse volumes under one small warp, which makes gyri irregular."""
    shape = volumes[0].shape
    shift = displacement(HEAD_SHAPE, (1.8, 0.9), (9.0, 5.0), rng)
    positions = np.stack(
        [
            along(np.arange(n), axis) + upsample(part, HALF, shape) / HALF
            for axis, (n, part) in enumerate(zip(shape, shift, strict=True))
        ]
    )
    return [resample(volume, positions) for volume in volumes]


def fold(
    inside: np.ndarray,
    depth: np.ndarray,
    pattern: np.ndarray,
    deepness: np.ndarray,
    points: Points,
    subject: Subject,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masks (inside, sulci, cortex) on the 1 mm grid from the folding fields on the coarse one."""
    steepness = np.sqrt(sum(part**2 for part in np.gradient(pattern, float(HALF)))) + 1e-3
    steepness = ndimage.gaussian_filter(steepness, 0.6)
    to_sulcus = np.abs(upsample(pattern, HALF, HEAD_SHAPE))
    to_sulcus /= upsample(steepness, HALF, HEAD_SHAPE)
    under_hull = upsample(ndimage.gaussian_filter(depth, 0.45), HALF, HEAD_SHAPE) - 1
    sulcus_depth = upsample(
        FOLDING.depth + FOLDING.depth_spread * np.clip(deepness, -2, 2), HALF, HEAD_SHAPE
    )
    width = FOLDING.width + FOLDING.width_ageing * subject.ageing * subject.sulcal_width
    thickness = FOLDING.thickness + FOLDING.thickness_ageing * subject.ageing
    cerebrum = upsample(inside, HALF, HEAD_SHAPE) > 0.38
    outside_core = DIENCEPHALIC_ZONE.distance(points) >= 0
    below = np.maximum(under_hull - sulcus_depth, 0)
    beside = np.maximum(to_sulcus - np.float32(width), 0)
    to_pia = np.minimum(under_hull, np.sqrt(beside**2 + below**2))
    bearing = cerebrum & outside_core
    sulci = bearing & (to_sulcus < width) & (under_hull < sulcus_depth)
    return cerebrum, sulci, bearing & ~sulci & (to_pia < thickness * subject.thickness)
