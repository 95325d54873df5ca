"""White-matter hyperintensities, dark on T1-weighted images, on the labels of a head."""

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
    VENTRICLE,
    WHITE_MATTER,
    box,
    sides,
)
from stages.anatomy.fields import smooth_noise
from stages.params.phantom import LesionParams, PathologyParams, TissueParams
from stages.study.errors import StudyError

LESION = 78
"""FreeSurfer's white-matter hypointensity on the left; volumes count it as white matter."""
OTHER_LESION = 79
"""The same on the right."""
SUBCORTICAL_MM = 2.0
"""White matter this near to the cortex, its U fibres, bears no lesion: ageing spares them."""


def with_lesions(labels: np.ndarray, plan: LesionParams, rng: np.random.Generator) -> np.ndarray:
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


def lesion_sizes(plan: LesionParams, rng: np.random.Generator) -> np.ndarray:
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


def apply(labels: np.ndarray, params: PathologyParams, rng: np.random.Generator) -> np.ndarray:
    """Return the label map with lesions."""
    return with_lesions(labels, params.lesions, rng)


def tissues(params: PathologyParams) -> Mapping[int, TissueParams]:
    """Return what the signal of lesions depends on."""
    of = params.lesions
    tissue = TissueParams(t1_ms=of.t1_ms, proton_density=of.proton_density)
    return {LESION: tissue, OTHER_LESION: tissue}


LESIONS = Disease(
    name="lesions",
    title="white-matter lesions",
    focal=False,
    changes="lesions in white matter, denser towards the lateral ventricles",
    apply=apply,
    counted_as=dict(zip((LESION, OTHER_LESION), sides(WHITE_MATTER), strict=True)),
    tissues=tissues,
)
