"""An old stroke in the territory of one middle cerebral artery, on the labels of a head."""

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
    VENTRICLE,
    WHITE_MATTER,
    box,
    first,
    sides,
)
from stages.anatomy.fields import smooth_noise
from stages.anatomy.grid import along
from stages.anatomy.tissue import CSF
from stages.params.phantom import InfarctParams, PathologyParams, TissueParams
from stages.study.errors import StudyError
from stages.study.structures import SYNTHSEG_TABLE

CAVITY = 600
"""The CSF of an infarct, on either side. This id and those below are the study's own."""
WHITE_SCAR = (601, 602)
"""Gliosis around a cavity in white matter, left and right."""
CORTEX_SCAR = (603, 604)
"""The same in cortex."""

FLUIDS = (4, 5, 14, 15, CSF, 43, 44)
TISSUE = tuple(sorted(set(SYNTHSEG_TABLE) - set(FLUIDS)))
"""Labels of the brain without its CSF."""

TERRITORY = ((0.15, 0.92), (0.12, 0.88), (0.35, 1.0))
"""What the middle cerebral artery feeds, as parts of the cerebral hemisphere from inferior to
superior, posterior to anterior and medial to lateral; assumed."""
SEED = (0.58, 0.52, 0.95)
SEED_SPREAD = 0.07
"""Mean and SD of where on the cortex an infarct is centred, in the same parts; assumed."""
APEX_MM = 30.0
"""An infarct is a wedge: its width falls to a half this deep below the cortex; assumed."""


def with_infarct(labels: np.ndarray, plan: InfarctParams, rng: np.random.Generator) -> np.ndarray:
    """Return the label map with a cavity in cortex and white matter, and gliosis around it.

    Args:
        labels: FreeSurfer ids, 1 mm voxels (superior, anterior, right).

    Raises:
        StudyError: if the volume exceeds the artery's territory.
    """
    result, side = labels.copy(), SIDES.index(plan.side)
    white, cortex = sides(WHITE_MATTER)[side], sides(CORTEX)[side]
    part = result[box(np.isin(labels, (white, cortex)), MARGIN_MM)]
    parts = hemisphere_parts(part, side)
    fed = np.isin(part, (white, cortex))
    for values, (low, high) in zip(parts, TERRITORY, strict=True):
        fed &= (values >= low) & (values <= high)
    n_voxels, surface = round(plan.volume_ml * MM3_PER_ML), fed & (part == cortex)
    if fed.sum() <= n_voxels or not surface.any():
        raise StudyError(
            f"phantom.pathology.infarct.volume_ml: expected less than the"
            f" {fed.sum() / MM3_PER_ML:.1f} mL of cortex and white matter that the artery feeds,"
            f" got {plan.volume_ml}; lower it"
        )
    distance = wedge(part, fed, seed(surface, parts, rng), rng)
    lost = np.zeros(part.shape, bool)
    lost[tuple(axis[first(distance, n_voxels)] for axis in np.nonzero(fed))] = True
    survives = np.isin(part, TISSUE) & ~lost
    scar = lost & (ndimage.distance_transform_edt(~survives) <= plan.rim_mm)
    scars = np.where(part == cortex, CORTEX_SCAR[side], WHITE_SCAR[side])
    part[lost] = np.where(scar, scars, CAVITY)[lost]
    return result


def hemisphere_parts(labels: np.ndarray, side: int) -> tuple[np.ndarray, ...]:
    """Return where voxels lie in a cerebral hemisphere, 0 to 1 within its box.

    Returns:
        From inferior to superior, posterior to anterior and medial to lateral; each an array that
        broadcasts to the shape of `labels`.
    """
    own = np.isin(labels, (sides(WHITE_MATTER)[side], sides(CORTEX)[side]))
    found = []
    for axis, span in enumerate(box(own, 0)):
        position = np.arange(labels.shape[axis]) - span.start
        found.append(along(position / max(span.stop - span.start - 1, 1), axis))
    if side == 0:  # the last axis runs from left to right
        found[2] = 1 - found[2]
    return tuple(found)


def seed(
    surface: np.ndarray, parts: tuple[np.ndarray, ...], rng: np.random.Generator
) -> np.ndarray:
    """Draw the voxel (3,) of a mask that an infarct is centred on, near `SEED`."""
    places = np.argwhere(surface)
    squares = sum((p - middle) ** 2 for p, middle in zip(parts, SEED, strict=True))[surface]  # type: ignore[index]  # a sum of arrays
    likely = np.exp(-(squares - squares.min()) / (2 * SEED_SPREAD**2))
    return places[rng.choice(len(places), p=likely / likely.sum())]


def wedge(
    labels: np.ndarray, fed: np.ndarray, middle: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return how far the voxels of a mask lie from the middle of an infarct, made uneven by noise.

    hypot(a (1 + d / APEX_MM), d) with d along the way to the ventricle and a across it, mm.
    """
    ventricle = np.argwhere(np.isin(labels, [label for v in VENTRICLE for label in sides(v)]))
    deep = np.argwhere(fed) if not len(ventricle) else ventricle
    inwards = deep.mean(axis=0) - middle
    inwards /= max(np.linalg.norm(inwards), 1.0)
    offset = np.argwhere(fed) - middle
    depth = offset @ inwards
    across = np.linalg.norm(offset - depth[:, None] * inwards, axis=1)
    uneven = np.exp(RAGGED * smooth_noise(labels.shape, RAGGED_MM, rng)[fed])
    return np.hypot(across * (1 + np.maximum(depth, 0) / APEX_MM), depth) * uneven


def apply(labels: np.ndarray, params: PathologyParams, rng: np.random.Generator) -> np.ndarray:
    """Return the label map with an infarct."""
    return with_infarct(labels, params.infarct, rng)


def tissues(params: PathologyParams) -> Mapping[int, TissueParams]:
    """Return what the signal of gliosis depends on."""
    return dict.fromkeys((*WHITE_SCAR, *CORTEX_SCAR), params.infarct.rim)


INFARCT = Disease(
    name="infarct",
    title="infarct",
    focal=True,
    changes="a cavity in cortex and white matter, and gliosis around it",
    apply=apply,
    counted_as={
        CAVITY: CSF,
        **dict(zip(WHITE_SCAR, sides(WHITE_MATTER), strict=True)),
        **dict(zip(CORTEX_SCAR, sides(CORTEX), strict=True)),
    },
    tissues=tissues,
    fluids=(CAVITY,),
)
