"""One digital phantom: a label map with the anatomy of a subject."""

from dataclasses import dataclass

import numpy as np

from stages.anatomy.cerebrum import build_cerebrum
from stages.anatomy.deep import (
    QUADRIGEMINAL_CISTERN,
    midline_ventricles,
    midline_white_matter,
    nuclei,
    ventricles,
)
from stages.anatomy.fields import displacement, smooth_noise, upsample
from stages.anatomy.grid import HEAD_SHAPE, Points, coordinates
from stages.anatomy.hindbrain import (
    FORAMEN_MAGNUM_MM,
    PEDUNCLE,
    TOP_OF_BRAINSTEM_MM,
    brainstem,
    cerebellum,
)
from stages.anatomy.skull import intracranial, paint_head
from stages.anatomy.tissue import BRAINSTEM, CSF, LEFT_TO_RIGHT, SPINAL_CORD
from stages.anatomy.variation import Subject, draw_subject

MEAN_SCALE = 0.98
"""Size of the mean subject relative to the tables of mm."""

WARP_AMPLITUDES_MM = (1.5, 0.7)
WARP_WIDTHS_MM = (28.0, 14.0)


@dataclass(frozen=True)
class Head:
    """A label map on the 1 mm grid and the subject it shows."""

    labels: np.ndarray
    """FreeSurfer ids, uint16 (192, 216, 168) = (superior, anterior, right), 1 mm, increasing."""
    age_years: float
    seed: int


def digital_head(seed: int, *, age_years: float | None = None) -> Head:
    """The head of the subject that `seed` (>= 0) draws, of a given or a drawn age."""
    rng = np.random.default_rng([seed, 7])
    subject = draw_subject(rng, age_years)
    points, right = subject_points(subject, rng)
    labels = np.zeros(HEAD_SHAPE, np.uint16)
    texture = smooth_noise(HEAD_SHAPE, 5, rng)
    cerebrum = build_cerebrum(points, right, subject, rng)
    inside = intracranial(points, cerebrum.hull, subject)
    paint_head(labels, points, right, inside, texture)
    labels[inside] = CSF
    labels[cerebrum.inside] = 2
    labels[cerebrum.sulci] = CSF
    labels[cerebrum.cortex] = 3
    paint_cerebellum(labels, points, right, subject, texture)
    paint_depth(labels, points, right, subject)
    split_sides(labels, right)
    return Head(labels, subject.age_years, seed)


def subject_points(subject: Subject, rng: np.random.Generator) -> tuple[Points, np.ndarray]:
    """Where each voxel lies in the mean head: `Points` and the signed right coordinate, mm."""
    shift = displacement(HEAD_SHAPE, WARP_AMPLITUDES_MM, WARP_WIDTHS_MM, rng)
    superior, anterior, right = (
        (axis + upsample(part, 4, HEAD_SHAPE)) / np.float32(MEAN_SCALE * scale)
        for axis, part, scale in zip(coordinates(), shift, subject.scale, strict=True)
    )
    return Points(np.abs(right), anterior, superior), right


def paint_cerebellum(
    labels: np.ndarray, points: Points, right: np.ndarray, subject: Subject, texture: np.ndarray
) -> None:
    """Write cerebellar cortex and white matter into `labels`."""
    box = (points.superior < 8) & (points.anterior < -15) & (points.superior > -75)
    box &= (points.lateral < 65) & (points.anterior > -110)
    whole, white = cerebellum(points.where(box), right[box], subject, texture[box])
    part = labels[box]
    part[whole] = 8
    part[white] = 7
    labels[box] = part


def paint_depth(labels: np.ndarray, points: Points, right: np.ndarray, subject: Subject) -> None:
    """Write brainstem, deep nuclei, medial temporal lobe and ventricles into `labels`."""
    lateral, anterior, superior = points
    box = (lateral < 46) & (anterior > -75) & (anterior < 46) & (superior < 40)
    box &= (superior > -100) & ((superior > -62) | (lateral < 14))
    inner, side_of = points.where(box), right[box] > 0
    part = labels[box]
    paint_midline(part, inner, subject)
    for side in (0, 1):
        mask = side_of == side
        own, half = inner.where(mask), part[mask]
        for label, region in ventricles(own, subject, side) + nuclei(own, subject, side):
            half[region] = label
        part[mask] = half
    for label, region in midline_ventricles(inner, subject):
        part[region] = label
    labels[box] = part


def paint_midline(labels: np.ndarray, points: Points, subject: Subject) -> None:
    """Write what lies on the midline but ventricles into the flat `labels`."""
    cistern = QUADRIGEMINAL_CISTERN.distance(points) < 0
    labels[cistern & np.isin(labels, (2, 3))] = CSF
    callosum, septum = midline_white_matter(points)
    labels[callosum | (septum & np.isin(labels, (CSF, 3)))] = 2
    labels[PEDUNCLE.distance(points) < 0] = 7
    stem = brainstem(points, subject) < 0
    labels[stem & (points.superior < TOP_OF_BRAINSTEM_MM)] = BRAINSTEM
    labels[stem & (points.superior < FORAMEN_MAGNUM_MM)] = SPINAL_CORD


def split_sides(labels: np.ndarray, right: np.ndarray) -> None:
    """Turn the left-hand ids of structures right of the midline into the right-hand ones."""
    table = np.arange(labels.max() + 1, dtype=np.uint16)
    for left, other in LEFT_TO_RIGHT.items():
        table[left] = other
    labels[:] = np.where(right > 0, table[labels], labels)
