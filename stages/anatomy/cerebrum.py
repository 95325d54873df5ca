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

CONVEXITY = Ellipsoid((0, -20, 13.0), (65, 84, 53.5))
FRONTAL_POLE = Ellipsoid((20, 28, -4), (23, 30, 20))
OCCIPITAL_POLE = Ellipsoid((20, -73, -1), (24, 27, 20))
TEMPORAL_LOBE = Ellipsoid((38.5, -16, -20), (25, 45, 21), elevation=-6)
CALLOSAL_ZONE = Ellipsoid((0, -6, 11), (1, 37, 16))
"""Where the hemispheres are joined: no fissure between them (its lateral radius is idle)."""
DIENCEPHALIC_ZONE = Ellipsoid((0, -10, 3), (31, 35, 19))
"""The core of the brain, which bears no cortex."""


@dataclass(frozen=True)
class SkullBase:
    """What the cerebrum rests on; mm. From front to back: orbits, middle fossa, tentorium."""

    orbits_from: float = 2.0
    """Anterior coordinate where the roof of the orbits begins."""
    orbit_height: float = -18.0
    orbit_slope: float = 0.12
    """Rise towards lateral, about `orbit_middle`, up to `orbit_edge`."""
    orbit_middle: float = 15.0
    orbit_edge: float = 45.0
    middle_height: float = -11.0
    """Floor beside the midline, between orbits and tentorium."""
    fossa_height: float = -46.0
    """Floor under the temporal lobes."""
    tentorium_from: float = -18.0
    """Anterior coordinate where the floor begins to turn into the tentorium."""
    tentorium_turn: float = 26.0
    """Length of that transition."""
    smoothing: float = 2.5
    """Blur of the floor, coarse voxels."""
    fillets: tuple[float, float] = (6.0, 5.0)
    """Widths of the fillets at the poles and at the temporal lobes."""


@dataclass(frozen=True)
class Tentorium:
    """The sheet between cerebrum and cerebellum; mm."""

    cerebral_height: float = 2.2
    """Its upper side in the midline; the cerebellum stays a little below."""
    cerebellar_height: float = 0.6
    lateral_slope: float = 0.50
    posterior_slope: float = 0.50
    posterior_from: float = 46.0
    """It falls off behind this distance from the anterior commissure."""


@dataclass(frozen=True)
class FissurePlan:
    """Where the large fissures run; mm."""

    wobble: tuple[tuple[float, float], ...] = ((1.6, 4.0), (1.5, 7.0))
    """Amplitudes, and widths in coarse voxels, of the noise that bends them."""
    midline_wobble: float = 0.35
    sylvian_wobble: float = 1.6
    sylvian_height: float = -3.0
    """Superior coordinate at `sylvian_middle`."""
    sylvian_middle: float = 6.0
    sylvian_slope: float = 0.42
    """Rise towards the back."""
    sylvian_depth: float = 36.0
    """Lateral coordinate that it reaches inwards."""
    sylvian_range: tuple[float, float] = (-44.0, 30.0)
    """Posterior and anterior end."""
    sylvian_width: float = 0.9
    """Of the width of the interhemispheric fissure."""
    insula_lateral: float = 37.8
    """Lateral coordinate of the cleft over the insula."""
    insula_slope: float = 0.06
    insula_above: float = 2.0
    """Middle of the insula above the Sylvian fissure."""
    insula_reach: float = 11.5
    """Half height of the cleft."""
    insula_range: float = 22.0
    """Half length of the cleft."""


@dataclass(frozen=True)
class FoldingScale:
    """Scales of the cortex; mm unless said otherwise."""

    sulcus_sigma: float = 2.45
    """Inner width of the band-pass noise whose zeros are the sulci, coarse voxels."""
    gyrus_sigma: float = 4.7
    """Outer width of that noise, coarse voxels."""
    depth: float = 15.5
    """Mean depth of the sulci."""
    depth_spread: float = 5.0
    width: float = 0.30
    """Half width of a sulcus at the age of 30."""
    width_ageing: float = 0.50
    opening: float = 0.9
    """Further half width of a sulcus at the hull; none is left at `opening_depth`."""
    opening_depth: float = 7.0
    thickness: float = 2.55
    """Cortical thickness at the age of 30; Fischl and Dale 2000, doi:10.1073/pnas.200033797."""
    thickness_ageing: float = -0.25
    fissure: float = 0.75
    """Half width of the large fissures at the age of 30."""
    fissure_ageing: float = 0.6


FOLDING = FoldingScale()
BASE = SkullBase()
TENTORIUM = Tentorium()
FISSURES = FissurePlan()


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
    wobble = sum(a * smooth_noise(hull.shape, width, rng) for a, width in FISSURES.wobble)
    half_width = FOLDING.fissure + FOLDING.fissure_ageing * subject.ageing
    carved = fissures(coarse, right[::HALF, ::HALF, ::HALF], wobble, half_width)  # type: ignore[arg-type]  # a sum of arrays
    inside = (hull < 0) & (carved > 0)
    depth, pattern, deepness = folding_fields(inside, rng)
    bent = bend([inside, depth, pattern, deepness], rng)
    masks = fold(*bent, points, subject)  # type: ignore[call-arg, arg-type]  # four arrays
    return Cerebrum(hull < 0, *masks)


def cerebral_hull(points: Points) -> np.ndarray:
    """Signed distance of the unfolded cerebrum."""
    anterior, superior = points.anterior, points.superior
    pole_fillet, temporal_fillet = BASE.fillets
    upper = smooth_least(CONVEXITY.distance(points), FRONTAL_POLE.distance(points), pole_fillet)
    upper = smooth_least(upper, OCCIPITAL_POLE.distance(points), pole_fillet)
    back = np.clip((BASE.tentorium_from - anterior) / BASE.tentorium_turn, 0, 1)
    tentorium = tentorium_height(points, TENTORIUM.cerebral_height) - superior
    middle = (1 - back) * (BASE.middle_height - superior) + back * tentorium
    floor = np.where(anterior > BASE.orbits_from, orbit_roof(points), middle)
    floor = ndimage.gaussian_filter(floor, BASE.smoothing)
    fossa = (1 - back) * (BASE.fossa_height - superior) + back * tentorium
    temporal = most(
        TEMPORAL_LOBE.distance(points),
        np.where(anterior < BASE.tentorium_from, fossa, np.float32(-99)),
    )
    return smooth_least(most(upper, floor), temporal, temporal_fillet)


def tentorium_height(points: Points, midline_height: float) -> np.ndarray:
    """Superior coordinate of the tentorium, mm."""
    behind = np.maximum(-points.anterior - TENTORIUM.posterior_from, 0)
    sideways = midline_height - TENTORIUM.lateral_slope * points.lateral
    return sideways - TENTORIUM.posterior_slope * behind


def orbit_roof(points: Points) -> np.ndarray:
    """Depth below the roof of the orbits, mm; the lower surface of the frontal lobes."""
    lateral = points.lateral
    rise = BASE.orbit_slope * (lateral - BASE.orbit_middle) * (lateral < BASE.orbit_edge)
    return BASE.orbit_height + rise - points.superior


def fissures(
    points: Points, right: np.ndarray, wobble: np.ndarray, half_width: float
) -> np.ndarray:
    """Signed distance of the interhemispheric and Sylvian fissures and of the insular cleft."""
    lateral, anterior, superior = points
    plan = FISSURES
    midline = most(
        np.abs(right + plan.midline_wobble * wobble) - half_width,
        -CALLOSAL_ZONE.distance(Points(lateral * 0, anterior, superior)),
    )
    along_fissure = plan.sylvian_height - plan.sylvian_slope * (anterior - plan.sylvian_middle)
    above = superior - (along_fissure + plan.sylvian_wobble * wobble)
    back, front = plan.sylvian_range
    half_cleft = plan.sylvian_width * half_width
    sylvian = most(
        np.abs(above) - half_cleft, plan.sylvian_depth - lateral, anterior - front, back - anterior
    )
    cleft = lateral - plan.insula_lateral - plan.insula_slope * np.abs(anterior) + wobble
    insula = most(
        np.abs(cleft) - half_cleft,
        np.abs(above - plan.insula_above) - plan.insula_reach,
        anterior - plan.insula_range,
        -plan.insula_range - anterior,
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
    at_depth = FOLDING.width + FOLDING.width_ageing * subject.ageing * subject.sulcal_width
    width = at_depth + FOLDING.opening * np.clip(1 - under_hull / FOLDING.opening_depth, 0, 1)
    thickness = FOLDING.thickness + FOLDING.thickness_ageing * subject.ageing
    cerebrum = upsample(inside, HALF, HEAD_SHAPE) > 0.38
    outside_core = DIENCEPHALIC_ZONE.distance(points) >= 0
    below = np.maximum(under_hull - sulcus_depth, 0)
    beside = np.maximum(to_sulcus - width, 0)
    to_pia = np.minimum(under_hull, np.sqrt(beside**2 + below**2))
    bearing = cerebrum & outside_core
    sulci = bearing & (to_sulcus < width) & (under_hull < sulcus_depth)
    return cerebrum, sulci, bearing & ~sulci & (to_pia < thickness * subject.thickness)
