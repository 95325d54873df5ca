"""Corpus callosum, deep nuclei, medial temporal lobe and ventricles."""

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
SEPTUM = Ellipsoid((0, -2, 12), (6, 26, 11))
SEPTUM_HALF_WIDTH_MM = 0.8

VENTRAL_DIENCEPHALON = Ellipsoid((9.5, -13, -6), (11.2, 13.4, 10.0), azimuth=10)
VENTRAL_DIENCEPHALON_FLOOR_MM = -15.0
THALAMUS = Ellipsoid((11.2, -17.5, 6.5), (10.0, 16.9, 11.4), azimuth=27)
PUTAMEN = Ellipsoid((25.4, 0.5, 1.5), (6.35, 18.3, 13.2), azimuth=-14, elevation=12)
PUTAMEN_MEDIAL_LIMIT_MM = 15.5
PALLIDUM = Ellipsoid((19.3, -3.2, 0.3), (4.8, 10.5, 7.7), azimuth=-22, elevation=10)
CAUDATE = Tube(
    (
        (10, 18, -1),
        (11.8, 17, 5),
        (13.4, 10, 11.5),
        (15.6, -2, 17.5),
        (18.6, -15, 18.5),
        (22.5, -26, 14.5),
    ),
    (5.6, 6.4, 5.4, 4.0, 2.9, 2.2),
)
ACCUMBENS = Ellipsoid((9.6, 11, -7), (4.6, 6.2, 4.95), elevation=15)
HIPPOCAMPUS = Tube(
    (
        (20.5, -11, -19),
        (25.5, -14.5, -19),
        (28, -21.5, -15.5),
        (28, -29, -8.5),
        (24.5, -36, -1.5),
        (20, -37.5, 4),
    ),
    (5.1, 6.7, 5.6, 4.9, 4.1, 2.5),
    stretch=(1.1, 1.0, 0.9),
)
AMYGDALA = Ellipsoid((22.5, -3, -18.5), (7.7, 7.1, 7.3), azimuth=20)

LATERAL_VENTRICLE = Tube(
    (
        (6.8, 28, 4),
        (6.0, 20, 8),
        (5.9, 8, 14.5),
        (7.2, -8, 18.5),
        (13.5, -24, 18.5),
        (22, -37, 12),
        (25, -44, 8),
    ),
    (5.0, 7.5, 7.6, 6.9, 8.3, 11.0, 8.8),
    stretch=(1.0, 1.15, 1.05),
)
"""Frontal horn, body and trigone."""
OCCIPITAL_HORN = Tube(((23, -40, 9), (24, -60, 4)), (7.4, 2.7))
INFERIOR_HORN = Tube(
    ((24, -39, 7), (31, -33, -3), (33.5, -24, -12), (32, -15, -17.5)), (6.2, 5.0, 4.2, 3.4)
)
THIRD_VENTRICLE = Ellipsoid((0, -12, 0), (2.3, 15.8, 11.3))
THIRD_VENTRICLE_ROOF_MM = 14.0
FOURTH_VENTRICLE = Tube(
    ((0, -36, -22), (0, -42, -32), (0, -42, -44)), (2.65, 6.2, 2.65), stretch=(1.35, 0.75, 1.0)
)
AQUEDUCT = Tube(((0, -25, -4), (0, -35, -20)), (1.1, 1.3))

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
    third = Ellipsoid(
        THIRD_VENTRICLE.centre,
        (
            THIRD_VENTRICLE.radii[0] * subject.volume["third ventricle"][0],
            *THIRD_VENTRICLE.radii[1:],
        ),
    ).distance(points)
    fourth = FOURTH_VENTRICLE.grown(subject.volume["fourth ventricle"][0]).distance(points)
    return [
        (14, (third < 0) & (points.superior < THIRD_VENTRICLE_ROOF_MM)),
        (15, least(fourth, AQUEDUCT.distance(points)) < 0),
    ]
