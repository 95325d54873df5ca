"""The cerebellum with its folia, the brainstem and the spinal cord."""

import numpy as np

from stages.anatomy.cerebrum import TENTORIUM, tentorium_height
from stages.anatomy.grid import Points
from stages.anatomy.shapes import Ellipsoid, Tube, least, most, smooth_least
from stages.anatomy.variation import Subject

HEMISPHERE = Ellipsoid((25, -58, -36.2), (27.0, 28.5, 24.0), azimuth=12)
VERMIS = Ellipsoid((0, -58, -27.5), (14, 24.0, 27.0))
CORPUS_MEDULLARE = Ellipsoid((15.5, -50, -32), (22, 19.5, 13.2))
"""The core of white matter, into which the folia reach."""
PEDUNCLE = Tube(((8, -34, -26), (18, -47, -32)), (7, 6.5))
"""Middle cerebellar peduncle: white matter between pons and cerebellum."""
BRAINSTEM = Tube(
    ((0, -23, -7), (0, -25, -26), (0, -32, -44), (0, -41, -60), (0, -46, -110)),
    (11.5, 13.1, 10.0, 6.8, 6.2),
    stretch=(1.12, 0.95, 1.0),
)
TECTUM = Tube(((0, -29, -7), (4, -35, -9)), (7, 5.5))
CEREBRAL_CRUS = Ellipsoid((7, -17, -9), (6, 6, 7))
FORAMEN_MAGNUM_MM = -60.0
"""Superior coordinate below which the brainstem is spinal cord."""
TOP_OF_BRAINSTEM_MM = -2.0

FILLET_MM = 6.0
"""Width of the fillet between hemispheres and vermis."""

FOLIA_CENTRE_MM = (-32.0, -42.0)
"""(superior, anterior) of the axis about which the folia are arranged."""
FOLIA_PER_RADIAN = 15.0
FOLIA_SLANT_PER_MM = 0.05
"""Phase that the folia gain towards lateral, rad / mm."""
FOLIA_WOBBLE = 1.2
"""Phase by which a texture of unit variance bends them, rad."""
FOLIUM_DEPTH_MM = 6.5
FOLIUM_MEAN_DEPTH_MM = 7.5
CORTEX_LEAST_MM = 1.6
FISSURE_DEPTH_MM = 7.0
FISSURE_COSINE = -0.93
"""A fissure between folia lies where the cosine of the folial phase is below this value."""


def cerebellum(
    points: Points, right: np.ndarray, subject: Subject, texture: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Masks (cerebellum, its white matter) at `points`; `texture` (unit noise) bends the folia."""
    size = subject.volume["cerebellum"]
    hemisphere = np.where(
        right > 0,
        HEMISPHERE.grown(size[1]).distance(points),
        HEMISPHERE.grown(size[0]).distance(points),
    )
    below = points.superior - tentorium_height(points, TENTORIUM.cerebellar_height)
    vermis = VERMIS.grown((size[0] * size[1]) ** 0.5)
    distance = most(smooth_least(hemisphere, vermis.distance(points), FILLET_MM), below)
    top, front = FOLIA_CENTRE_MM
    angle = np.arctan2(points.superior - top, front - points.anterior)
    bent = FOLIA_SLANT_PER_MM * points.lateral + FOLIA_WOBBLE * texture
    folia = np.cos(FOLIA_PER_RADIAN * angle + bent)
    core_size = subject.volume["cerebellum white matter"]
    core = np.where(
        right > 0,
        CORPUS_MEDULLARE.grown(core_size[1]).distance(points),
        CORPUS_MEDULLARE.grown(core_size[0]).distance(points),
    )
    white = (distance < FOLIUM_DEPTH_MM * folia - FOLIUM_MEAN_DEPTH_MM) & (core < 0)
    fissure = (folia < FISSURE_COSINE) & (distance > -FISSURE_DEPTH_MM)
    return (distance < 0) & ~fissure, white & (distance < -CORTEX_LEAST_MM)


def brainstem(points: Points, subject: Subject) -> np.ndarray:
    """Signed distance of brainstem and spinal cord."""
    factor = subject.volume["brainstem"][0]
    return least(
        BRAINSTEM.grown(factor).distance(points),
        TECTUM.distance(points),
        CEREBRAL_CRUS.distance(points),
    )
