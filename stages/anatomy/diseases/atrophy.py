"""Atrophy of Alzheimer's disease, on the labels of a head.

Voxels are counted: volumes change by exactly what was asked, rounded to whole mm3, and labels that
are not named stay where they are.
"""

import numpy as np
from scipy import ndimage

from stages.anatomy.diseases.protocol import Disease
from stages.anatomy.diseases.regions import CORTEX, MARGIN_MM, VENTRICLE, WHITE_MATTER, box, sides
from stages.anatomy.tissue import CSF
from stages.params.phantom import AtrophyParams, PathologyParams
from stages.study.errors import StudyError

HIPPOCAMPUS, AMYGDALA = 17, 18
SEPTUM_MM = 3
"""White matter this near to the ventricles of both sides is septum or fornix, which stay."""
SMOOTHING_MM = 1.5
"""Of the CSF: among voxels equally near, those with more CSF around them go first."""


def with_atrophy(labels: np.ndarray, atrophy: AtrophyParams) -> np.ndarray:
    """Return the label map with smaller hippocampi, amygdalae and cortex and larger ventricles.

    Args:
        labels: FreeSurfer ids, 1 mm voxels (superior, anterior, right).

    Raises:
        StudyError: if there is no CSF beside a structure that could take its place.
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
    csf: tuple[int, ...],
    n_voxels: int,
    spared: np.ndarray | None = None,
) -> None:
    """Give the `n_voxels` voxels of a tissue that lie nearest to CSF the label of that CSF.

    Args:
        labels: changed in place.
        tissue: its label.
        csf: labels.
        n_voxels: mm3 that the tissue loses.
        spared: boolean, shape of `labels`: where the tissue stays.

    Raises:
        StudyError: if there is no such CSF within `MARGIN_MM`, or too little tissue.
    """
    if not n_voxels:
        return
    around = box(labels == tissue, MARGIN_MM)
    part = labels[around]
    fluid, inside = np.isin(part, csf), part == tissue
    if spared is not None:
        inside &= ~spared[around]
    if not fluid.any() or inside.sum() <= n_voxels:
        raise StudyError(
            f"phantom.pathology.atrophy: expected more than {n_voxels} mm3 of label {tissue} and"
            f" CSF (labels {', '.join(map(str, csf))}) within {MARGIN_MM} mm of it, got"
            f" {int(inside.sum())} mm3 and {int(fluid.sum())} mm3; lower the atrophy of this head"
        )
    distance, nearest = ndimage.distance_transform_edt(~fluid, return_indices=True)
    crowd = ndimage.gaussian_filter(fluid.astype(np.float32), SMOOTHING_MM)[inside]
    first = np.lexsort((-crowd, distance[inside]))[:n_voxels]
    taken = tuple(axis[first] for axis in np.nonzero(inside))
    part[taken] = part[tuple(nearest[(slice(None), *taken)])]


def apply(labels: np.ndarray, params: PathologyParams, rng: np.random.Generator) -> np.ndarray:
    """Return the label map with atrophy; nothing is drawn."""
    return with_atrophy(labels, params.atrophy)


ATROPHY = Disease(
    name="atrophy",
    title="atrophy",
    focal=False,
    changes="smaller hippocampi, amygdalae and cortex, larger lateral ventricles",
    apply=apply,
    counted_as={},
)
