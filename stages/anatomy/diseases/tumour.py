"""A mass in the white matter of one hemisphere that pushes tissue aside, on labels of a head."""

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from stages.anatomy.diseases.protocol import Disease
from stages.anatomy.diseases.regions import (
    CORTEX,
    MARGIN_MM,
    MM3_PER_ML,
    RAGGED,
    RAGGED_MM,
    SIDES,
    WHITE_MATTER,
    box,
    first,
    sides,
)
from stages.anatomy.fields import resample, smooth_noise
from stages.anatomy.grid import along
from stages.anatomy.tissue import CSF
from stages.params.phantom import PathologyParams, TissueParams, TumourParams
from stages.study.errors import StudyError
from stages.study.structures import SYNTHSEG_TABLE

CORE, RIM = 610, 611
"""Of a mass, on either side. These ids and those below are the study's own."""
OEDEMA = (612, 613)
"""Swollen white matter, left and right."""

LOBES, LONGEST = 0.15, 2.0
"""Log-SD over directions of the radius of a mass, and the most of it in units of that; assumed."""
LOBE_NODES, LOBE_WIDTH = 12, 5.0
"""Radius of the sphere on which lobes are drawn, and width of the noise there, in nodes."""
DEEPEST = 0.1
"""A tumour is centred in this part of the white matter, which lies the farthest from its border."""
ORDER = (
    *(14, 15, 5, 44, 4, 43, 26, 58, 18, 54, 17, 53, 13, 52, 12, 51, 11, 50, 10, 49, 28, 60),
    *(16, 7, 46, 8, 47, 2, 41, 3, 42, CSF),
)
"""Structures that a mass moves keep their volumes at the cost of those behind them here, from the
inside outwards; the CSF in the sulci comes last and pays for all."""
SKULL_MM = 10.0
"""Tissue gives way less and less within this distance of the skull, where it cannot; assumed."""


def with_tumour(labels: np.ndarray, plan: TumourParams, rng: np.random.Generator) -> np.ndarray:
    """Return the label map with a mass of core and rim, tissue pushed aside, and oedema.

    The image of the tissue moves, its texture and the fields of the scanner stay.

    Args:
        labels: FreeSurfer ids, 1 mm voxels (superior, anterior, right).

    Raises:
        StudyError: if mass or oedema do not fit into the hemisphere.
    """
    side = SIDES.index(plan.side)
    own = sides(WHITE_MATTER)[side], sides(CORTEX)[side]
    n_mass, n_oedema = (round(v * MM3_PER_ML) for v in (plan.volume_ml, plan.oedema_ml))
    tight = StudyError(
        "phantom.pathology.tumour.volume_ml: expected a mass that fits into the"
        f" {np.isin(labels, own).sum() / MM3_PER_ML:.1f} mL of the hemisphere, got"
        f" {plan.volume_ml}; lower it"
    )
    if np.isin(labels, own).sum() <= n_mass:
        raise tight
    inside = ndimage.distance_transform_edt(np.isin(labels, list(SYNTHSEG_TABLE)))
    longest = np.exp(LOBES * LONGEST) * np.cbrt(3 * n_mass / (4 * np.pi))
    centre = tumour_centre(labels, own, inside > longest, rng)
    if centre is None:
        raise tight
    radius = lobed_radius(labels.shape, centre, rng)
    result, hole = pushed_aside(labels, centre, radius, round(plan.displacement * n_mass), inside)
    if not inside[hole].all():
        raise tight
    for k, label in enumerate(ORDER[:-1]):
        settle(result, label, ORDER[k + 1 :], int((labels == label).sum()), centre)
    room = hole | np.isin(result, own)
    mass = np.zeros(labels.shape, bool)
    mass[tuple(axis[first(radius[room], n_mass)] for axis in np.nonzero(room))] = True
    uneven = np.exp(np.float32(RAGGED) * smooth_noise(labels.shape, RAGGED_MM, rng))
    core = ndimage.distance_transform_edt(mass) > plan.rim_mm * uneven
    result[mass] = np.where(core, CORE, RIM)[mass]
    swell(result, mass, own[0], OEDEMA[side], n_oedema)
    return result


def tumour_centre(
    labels: np.ndarray, own: tuple[int, int], allowed: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """Draw the voxel (3,) that a mass is centred on, deep in the white matter of a hemisphere.

    Args:
        labels: FreeSurfer ids, 1 mm voxels.
        own: labels of the hemisphere's white matter and cortex.
        allowed: boolean, shape of `labels`; None is returned if it holds no white matter.
    """
    inside = np.isin(labels, own)
    around = box(inside, 1)
    places = np.argwhere((labels[around] == own[0]) & allowed[around])
    if not len(places):
        return None
    depth = ndimage.distance_transform_edt(inside[around])[tuple(places.T)]
    deepest = first(-depth, max(1, round(DEEPEST * len(places))))
    return places[rng.choice(deepest)] + [span.start for span in around]


def lobed_radius(
    shape: tuple[int, ...], centre: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the distance from a voxel in mm over a factor that varies smoothly with direction.

    Its surfaces of equal value are lobed and star-shaped; float32 of `shape`, 0 at the centre.
    """
    offset = [
        along(np.arange(n) - c, axis) for axis, (n, c) in enumerate(zip(shape, centre, strict=True))
    ]
    distance = np.sqrt(sum(part**2 for part in offset))
    noise = smooth_noise((2 * LOBE_NODES + 1,) * 3, LOBE_WIDTH, rng)
    scale = LOBE_NODES / np.maximum(distance, 1)
    lobes = resample(noise, np.stack([LOBE_NODES + part * scale for part in offset]))
    lobes = np.clip(lobes - lobes.mean(), -LONGEST, LONGEST)
    return distance * np.exp(np.float32(-LOBES) * lobes)


def pushed_aside(
    labels: np.ndarray,
    centre: np.ndarray,
    radius: np.ndarray,
    n_voxels: int,
    inside: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the label map whose tissue makes room around a voxel, and where the room is.

    Along every ray from the centre what was at s comes to lie at r, r^3 = s^3 + h^3 with the radius
    h of the room in that direction: no volume changes. Within `SKULL_MM` of the skull the way
    r - s falls smoothly to 0, so all is compressed there; see `settle`.

    Args:
        labels: FreeSurfer ids, 1 mm voxels.
        centre: (3,), voxel.
        radius: (shape of `labels`), the surfaces of equal value of the room.
        n_voxels: mm3 of room.
        inside: (shape of `labels`), distance from the skull, mm, 0 outside of it.
    """
    reach = np.partition(radius, n_voxels, axis=None)[n_voxels]
    hole = radius < reach
    outer = np.maximum(radius, reach)
    left = np.cbrt(1 - (reach / np.maximum(outer, np.float32(1e-6))) ** 3)  # s / r
    free = np.minimum(inside / SKULL_MM, 1).astype(np.float32)
    left = 1 - (1 - left) * free * free * (3 - 2 * free)
    positions = [
        c + along(np.arange(n) - c, axis) * left
        for axis, (n, c) in enumerate(zip(labels.shape, centre, strict=True))
    ]
    moved = ndimage.map_coordinates(labels, positions, order=0, mode="nearest")
    moved[hole] = CORE
    return moved, hole


def settle(
    labels: np.ndarray, label: int, others: tuple[int, ...], n_voxels: int, centre: np.ndarray
) -> None:
    """Give a structure its volume back after it was moved, in place, at the cost of neighbours.

    It takes, or gives up, the voxels with the least d r^2, d the distance from its border and r
    that from the centre of the mass: the nearer to the mass the more, as sulci are effaced there.

    Args:
        labels: changed in place.
        label: of the structure.
        others: labels of the neighbours that it may take from and give to.
        n_voxels: its volume, mm3.
        centre: (3,), voxel.
    """
    own = labels == label
    lost = n_voxels - int(own.sum())
    if not lost or not own.any():
        return
    around = box(own, MARGIN_MM)
    part, own = labels[around], own[around]
    other = np.isin(part, others)
    goal, source = (own, other) if lost > 0 else (other, own)
    if not goal.any() or not source.any():
        return
    distance, nearest = ndimage.distance_transform_edt(~goal, return_indices=True)
    places = np.argwhere(source)
    squares = ((places + [span.start for span in around] - centre) ** 2).sum(axis=1)
    moved = places[first(distance[source] * squares, abs(lost))].T
    part[tuple(moved)] = part[tuple(nearest[(slice(None), *moved)])]


def swell(labels: np.ndarray, mass: np.ndarray, white: int, oedema: int, n_voxels: int) -> None:
    """Give the `n_voxels` voxels of white matter nearest to a mass the label `oedema`, in place."""
    if not n_voxels:
        return
    around = box(labels == white, 0)
    part = labels[around]
    inside = part == white
    if inside.sum() <= n_voxels:
        raise StudyError(
            "phantom.pathology.tumour.oedema_ml: expected less than the"
            f" {inside.sum() / MM3_PER_ML:.1f} mL of white matter around the mass, got"
            f" {n_voxels / MM3_PER_ML:g}; lower it"
        )
    distance = ndimage.distance_transform_edt(~mass)[around][inside]
    part[tuple(axis[first(distance, n_voxels)] for axis in np.nonzero(inside))] = oedema


def apply(labels: np.ndarray, params: PathologyParams, rng: np.random.Generator) -> np.ndarray:
    """Return the label map with a tumour."""
    return with_tumour(labels, params.tumour, rng)


def tissues(params: PathologyParams) -> Mapping[int, TissueParams]:
    """Return what the signal of core, rim and oedema depends on."""
    of = params.tumour
    return {CORE: of.core, RIM: of.rim, **dict.fromkeys(OEDEMA, of.oedema)}


TUMOUR = Disease(
    name="tumour",
    title="tumour",
    focal=True,
    changes="a mass of core and rim, tissue pushed aside, and oedema",
    apply=apply,
    counted_as={CORE: 0, RIM: 0, **dict(zip(OEDEMA, sides(WHITE_MATTER), strict=True))},
    tissues=tissues,
)
