"""Diseases of a head, on its labels: atrophy of Alzheimer's disease, and white-matter lesions.

A label map of 1 mm voxels comes in and another goes out, so that procedural heads and heads from
label maps fall ill alike. Voxels are counted: volumes change by exactly what was asked, rounded to
whole mm3, and labels that are not named stay where they are.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from stages.anatomy.diseases.lesion_labels import (
    CORTEX,
    COUNTED_AS,
    LESION,
    OTHER_LESION,
    WHITE_MATTER,
)
from stages.anatomy.fields import smooth_noise
from stages.anatomy.tissue import CSF, LEFT_TO_RIGHT
from stages.study.errors import StudyError

HIPPOCAMPUS, AMYGDALA = 17, 18
VENTRICLE = (4, 5)
"""Lateral ventricle and its inferior horn, on the left."""

MARGIN_MM = 12
"""How far around a structure the fluid that takes its place is looked for."""
SEPTUM_MM = 3
"""White matter this near to the ventricles of both sides is septum or fornix, which stay."""
SMOOTHING_MM = 1.5
"""Of the fluid: among voxels equally near, those with more fluid around them go first."""
SUBCORTICAL_MM = 2.0
"""White matter this near to the cortex, its U fibres, bears no lesion: ageing spares them."""
RAGGED_MM = 3.0
RAGGED = 0.25
"""Width (mm) and log-SD of the noise that makes borders of lesions irregular."""
MM3_PER_ML = 1000


@dataclass(frozen=True)
class Atrophy:
    """Parts of the healthy volume, of both sides alike (section `phantom.pathology.atrophy`)."""

    hippocampus: float
    """Lost to the fluid beside it, as in dilated inferior horns."""
    amygdala: float
    cortex: float
    """Lost on the side of the sulci, which widen."""
    ventricles: float
    """Gained by the lateral ventricles from white matter, beside what the others lose to them."""


@dataclass(frozen=True)
class LesionPlan:
    """White-matter hyperintensities, which are dark on T1-weighted images."""

    load_ml: float
    number: int
    size_log_sd: float
    """Of a log-normal distribution of the lesions' volumes."""
    depth_mm: float
    """The density of lesions falls by a factor e over this distance from the ventricles."""


def sides(label: int) -> tuple[int, int]:
    """Return the ids of a structure on the left and on the right."""
    return label, LEFT_TO_RIGHT[label]


def with_atrophy(labels: np.ndarray, atrophy: Atrophy) -> np.ndarray:
    """Return the label map with smaller hippocampi, amygdalae and cortex and larger ventricles.

    Args:
        labels: FreeSurfer ids, 1 mm voxels (superior, anterior, right).

    Raises:
        StudyError: if there is no fluid beside a structure that could take its place.
    """
    result = labels.copy()
    septum = between_ventricles(labels)
    for side in (0, 1):
        ventricle = tuple(sides(label)[side] for label in VENTRICLE)
        for tissue, share in ((HIPPOCAMPUS, atrophy.hippocampus), (AMYGDALA, atrophy.amygdala)):
            lost = part_of(labels, (sides(tissue)[side],), share)
            flood(result, sides(tissue)[side], (*ventricle, CSF), lost)
        gained = part_of(labels, ventricle, atrophy.ventricles)
        flood(result, sides(WHITE_MATTER)[side], ventricle, gained, septum)
        lost = part_of(labels, (sides(CORTEX)[side],), atrophy.cortex)
        flood(result, sides(CORTEX)[side], (CSF,), lost)
    return result


def part_of(labels: np.ndarray, structure: tuple[int, ...], share: float) -> int:
    """Return a share of the volume of a structure in whole voxels."""
    return round(share * int(np.isin(labels, structure).sum()))


def between_ventricles(labels: np.ndarray) -> np.ndarray:
    """Return the mask of what lies within `SEPTUM_MM` of the lateral ventricles of both sides."""
    near = []
    for side in (0, 1):
        ventricle = np.isin(labels, [sides(label)[side] for label in VENTRICLE])
        near.append(ndimage.binary_dilation(ventricle, iterations=SEPTUM_MM))
    return near[0] & near[1]


def flood(
    labels: np.ndarray,
    tissue: int,
    fluids: tuple[int, ...],
    n_voxels: int,
    spared: np.ndarray | None = None,
) -> None:
    """Give the `n_voxels` voxels of a tissue that lie nearest to fluid the label of that fluid.

    Args:
        labels: changed in place.
        tissue: its label.
        fluids: labels.
        n_voxels: mm3 that the tissue loses.
        spared: boolean, shape of `labels`: where the tissue stays.

    Raises:
        StudyError: if there is no such fluid within `MARGIN_MM`, or too little tissue.
    """
    if not n_voxels:
        return
    around = box(labels == tissue, MARGIN_MM)
    part = labels[around]
    fluid, inside = np.isin(part, fluids), part == tissue
    if spared is not None:
        inside &= ~spared[around]
    if not fluid.any() or inside.sum() <= n_voxels:
        raise StudyError(
            f"phantom.pathology.atrophy: expected more than {n_voxels} mm3 of label {tissue} and"
            f" fluid (labels {', '.join(map(str, fluids))}) within {MARGIN_MM} mm of it, got"
            f" {int(inside.sum())} mm3 and {int(fluid.sum())} mm3; lower the atrophy of this head"
        )
    distance, nearest = ndimage.distance_transform_edt(~fluid, return_indices=True)
    crowd = ndimage.gaussian_filter(fluid.astype(np.float32), SMOOTHING_MM)[inside]
    first = np.lexsort((-crowd, distance[inside]))[:n_voxels]
    taken = tuple(axis[first] for axis in np.nonzero(inside))
    part[taken] = part[tuple(nearest[(slice(None), *taken)])]


def box(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    """Return the box around a mask, `margin` voxels wider on each side; empty for an empty mask."""
    spans = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        start, stop = (filled[0], filled[-1] + 1) if filled.size else (0, 0)
        spans.append(slice(max(0, start - margin), stop + margin if filled.size else 0))
    return tuple(spans)


def with_lesions(labels: np.ndarray, plan: LesionPlan, rng: np.random.Generator) -> np.ndarray:
    """Return the label map with lesions in white matter, labels `LESION` and `OTHER_LESION`.

    Centres are drawn with a density exp(-d / depth_mm), d the distance from the lateral ventricles:
    lesions spread smoothly from there as their load grows, without distinct periventricular and
    deep kinds (DeCarli 2005, doi:10.1161/01.STR.0000150668.58689.f2). The nearest white matter
    around its centre, in a distance made uneven by noise, is a lesion.

    Args:
        labels: FreeSurfer ids, 1 mm voxels (superior, anterior, right).

    Raises:
        StudyError: if the load does not fit into the white matter.
    """
    result = labels.copy()
    part = result[box(np.isin(labels, sides(WHITE_MATTER)), MARGIN_MM)]
    white, depth = bearing(part)
    sizes = lesion_sizes(plan, rng)
    if white.sum() <= sizes.sum() or len(depth) == 0:
        raise StudyError(
            f"phantom.pathology.lesions.load_ml: expected less than the"
            f" {white.sum() / MM3_PER_ML:.1f} mL of deep white matter, got {plan.load_ml}; lower it"
        )
    place = np.stack(np.nonzero(white), axis=1).astype(np.float32)
    density = np.exp(-depth / plan.depth_mm)
    centres = rng.choice(len(place), plan.number, replace=False, p=density / density.sum())
    uneven = np.exp(np.float32(RAGGED) * smooth_noise(part.shape, RAGGED_MM, rng)[white])
    ill = np.zeros(len(place), bool)
    for centre, size in zip(centres, sizes, strict=True):
        squares = ((place - place[centre]) ** 2).sum(axis=1) * uneven
        squares[ill] = np.inf
        ill[np.argsort(squares, kind="stable")[:size]] = True
    found = tuple(axis[ill] for axis in np.nonzero(white))
    part[found] = np.where(part[found] == WHITE_MATTER, LESION, OTHER_LESION)
    return result


def bearing(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mask of the white matter that bears lesions, and its distance from ventricles, mm.

    Returns:
        Boolean array of the shape of `labels`, and float64 (number of True,).
    """
    white = np.isin(labels, sides(WHITE_MATTER))
    cortex = np.isin(labels, sides(CORTEX))
    if cortex.any():
        white &= ndimage.distance_transform_edt(~cortex) > SUBCORTICAL_MM
    ventricle = np.isin(labels, [sides(label) for label in VENTRICLE])
    if not ventricle.any():
        raise StudyError(
            "phantom.pathology.lesions: expected lateral ventricles (labels 4, 5, 43, 44) in the"
            " head, found none; leave the label map out"
        )
    return white, ndimage.distance_transform_edt(~ventricle)[white]


def lesion_sizes(plan: LesionPlan, rng: np.random.Generator) -> np.ndarray:
    """Draw the lesions' volumes, mm3 (number,) of at least 1, largest first, whose sum is the load.

    Raises:
        StudyError: if there are more lesions than mm3.
    """
    spare = round(plan.load_ml * MM3_PER_ML) - plan.number
    if spare < 0:
        raise StudyError(
            f"phantom.pathology.lesions: expected at least 1 mm3 a lesion, got {plan.load_ml} mL in"
            f" {plan.number} lesions; raise load_ml or lower number"
        )
    drawn = np.sort(np.exp(plan.size_log_sd * rng.standard_normal(plan.number)))[::-1]
    ends = np.round(np.cumsum(drawn) / drawn.sum() * spare)
    return 1 + np.diff(ends, prepend=0).astype(int)


def without_lesions(labels: np.ndarray) -> np.ndarray:
    """Return the label map whose lesions of any kind are what volumes count them as."""
    table = np.arange(max(int(labels.max()), *COUNTED_AS) + 1, dtype=labels.dtype)
    table[list(COUNTED_AS)] = list(COUNTED_AS.values())
    return table[labels]


def lesion_mask(labels: np.ndarray) -> np.ndarray:
    """Return where lesions of any kind are, uint8 of the shape of `labels`."""
    return np.isin(labels, list(COUNTED_AS)).astype(np.uint8)
