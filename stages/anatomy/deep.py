"""Corpus callosum, deep nuclei, medial temporal lobe and ventricles."""

from dataclasses import replace

import numpy as np

from stages.anatomy.grid import Points
from stages.anatomy.shapes import Ellipsoid, Solid, Tube, least
from stages.anatomy.variation import Subject

CORPUS_CALLOSUM = Tube(
    (
        (0, 14, -2),
        (0, 27, 3),
        (0, 26, 12),
        (0, 14, 22),
        (0, -8, 26),
        (0, -28, 22),
        (0, -37, 13),
        (0, -33, 9),
    ),
    (2.2, 4.0, 4.2, 3.1, 2.6, 3.0, 4.3, 3.2),
)
"""Centre line in the midsagittal plane; it reaches `CALLOSAL_WIDTH_MM` to either side."""
CALLOSAL_WIDTH_MM = 16.0
QUADRIGEMINAL_CISTERN = Ellipsoid((0, -40, -1), (8, 13, 9))
"""CSF between splenium, tectum and cerebellum."""
SEPTUM = Ellipsoid((0, -2, 12), (6, 26, 11))
SEPTUM_HALF_WIDTH_MM = 0.8

VENTRAL_DIENCEPHALON = Ellipsoid((10.8, -15.4, -6.7), (9.7, 15.0, 8.9), azimuth=30)
VENTRAL_DIENCEPHALON_FLOOR_MM = -15.0
THALAMUS = Ellipsoid((11.9, -18.5, 5.6), (10.4, 18.2, 9.6), azimuth=25)
PUTAMEN = Ellipsoid((25.5, -0.2, 0.9), (6.7, 19.9, 11.3), azimuth=21, elevation=-8)
PUTAMEN_MEDIAL_LIMIT_MM = 15.5
PALLIDUM = Ellipsoid((20.4, -3.9, -0.7), (4.4, 12.6, 6.6), azimuth=30, elevation=2)
CAUDATE = Tube(
    (
        (11, 18, 0),
        (13.0, 17, 5.5),
        (14.6, 10, 12.0),
        (16.6, -2, 18.2),
        (19.4, -15, 19.5),
        (23.2, -26, 15.5),
    ),
    (5.6, 6.4, 5.4, 4.0, 2.9, 2.2),
)
ACCUMBENS = Ellipsoid((9.1, 10.4, -4.3), (5.2, 7.6, 3.9), azimuth=-13, elevation=15)
HIPPOCAMPUS = Tube(
    (
        (20.5, -9, -18),
        (25.0, -12, -18.5),
        (28, -20, -14.5),
        (28, -29, -8.5),
        (24, -37, -1.5),
        (18, -39.5, 3.5),
    ),
    (5.0, 6.4, 5.2, 4.5, 3.8, 2.5),
    stretch=(1.3, 1.0, 0.85),
)
AMYGDALA = Ellipsoid((23.4, -3.2, -16.8), (8.6, 5.4, 9.0), elevation=28)

LATERAL_VENTRICLE = Tube(
    (
        (7.5, 29, 5),
        (6.4, 21, 9),
        (6.2, 9, 14.5),
        (7.2, -8, 18.5),
        (12.5, -24, 18.5),
        (21, -36, 12),
        (26, -41, 5),
        (28.5, -38.5, -1),
    ),
    (5.3, 7.8, 8.0, 7.2, 7.7, 8.7, 6.6, 4.2),
    stretch=(1.0, 1.15, 1.05),
)
"""Frontal horn, body and trigone."""
OCCIPITAL_HORN = Tube(((24, -42, 7), (23, -59, 5)), (5.5, 2.4))
INFERIOR_HORN = Tube(
    ((28.5, -35, -3.5), (32.5, -27, -8), (33, -16, -14), (30.5, -5, -19)), (4.2, 4.2, 4.1, 3.6)
)
THIRD_VENTRICLE = Ellipsoid((0, -9.6, -2.6), (2.4, 18.0, 8.6), elevation=-14)
THIRD_VENTRICLE_ROOF_MM = 14.0
FOURTH_VENTRICLE = Tube(
    ((0, -38, -22), (0, -44, -32), (0, -44, -44)), (2.65, 6.2, 2.65), stretch=(1.35, 0.75, 1.0)
)
AQUEDUCT = Tube(((0, -27, -4), (0, -37, -20)), (1.1, 1.3))

CAUDATE_PUSH_MM = 3.0
"""How far the caudate gives way to a ventricle of twice the mean volume."""


def midline_white_matter(points: Points) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the corpus callosum and of the septum that parts the ventricles."""
    flat = Points(points.lateral * 0, points.anterior, points.superior)
    callosum = (CORPUS_CALLOSUM.distance(flat) < 0) & (points.lateral < CALLOSAL_WIDTH_MM)
    return callosum, SEPTUM.distance(points) < 0


def ventricles(points: Points, subject: Subject, side: int) -> list[tuple[int, np.ndarray]]:
    """Left-hand labels and masks of the lateral ventricle and of its inferior horn (side 0, 1)."""
    factor = subject.volume["lateral ventricle"][side]
    body = least(
        LATERAL_VENTRICLE.grown(factor).distance(points),
        OCCIPITAL_HORN.grown(factor).distance(points),
    )
    horn = INFERIOR_HORN.grown(subject.volume["inferior horn"][side]).distance(points)
    return [(5, horn < 0), (4, (body < 0) & (points.lateral > SEPTUM_HALF_WIDTH_MM))]


def nuclei(points: Points, subject: Subject, side: int) -> list[tuple[int, np.ndarray]]:
    """Left-hand labels and masks of the grey structures of one side (0 left, 1 right).

    Later entries take precedence over earlier ones.
    """

    def grown(solid: Solid, name: str) -> np.ndarray:
        return solid.grown(subject.volume[name][side]).distance(points)

    ventricle = subject.volume["lateral ventricle"][side]
    caudate = CAUDATE.moved(CAUDATE_PUSH_MM * float(np.clip(ventricle - 1, -0.5, 1)))
    putamen = (grown(PUTAMEN, "putamen") < 0) & (points.lateral > PUTAMEN_MEDIAL_LIMIT_MM)
    diencephalon = grown(VENTRAL_DIENCEPHALON, "ventral diencephalon") < 0
    return [
        (28, diencephalon & (points.superior > VENTRAL_DIENCEPHALON_FLOOR_MM)),
        (12, putamen),
        (13, grown(PALLIDUM, "pallidum") < 0),
        (10, grown(THALAMUS, "thalamus") < 0),
        (26, grown(ACCUMBENS, "accumbens") < 0),
        (11, grown(caudate, "caudate") < 0),
        (18, grown(AMYGDALA, "amygdala") < 0),
        (17, grown(HIPPOCAMPUS, "hippocampus") < 0),
    ]


def midline_ventricles(points: Points, subject: Subject) -> list[tuple[int, np.ndarray]]:
    """Labels and masks of the third and the fourth ventricle, the aqueduct with the latter."""
    width, length, height = THIRD_VENTRICLE.radii
    wide = (width * subject.volume["third ventricle"][0], length, height)
    third = replace(THIRD_VENTRICLE, radii=wide).distance(points)
    fourth = FOURTH_VENTRICLE.grown(subject.volume["fourth ventricle"][0]).distance(points)
    return [
        (14, (third < 0) & (points.superior < THIRD_VENTRICLE_ROOF_MM)),
        (15, least(fourth, AQUEDUCT.distance(points)) < 0),
    ]
