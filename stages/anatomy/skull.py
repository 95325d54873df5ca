"""What surrounds the brain: CSF, skull, marrow, fat, muscle, skin, air and eyes."""

import numpy as np
from scipy import ndimage

from stages.anatomy.cerebrum import HALF
from stages.anatomy.fields import upsample
from stages.anatomy.grid import HEAD_SHAPE, Points
from stages.anatomy.shapes import Ellipsoid, Tube, smooth_least
from stages.anatomy.tissue import BONE_AIR, EYE, FAT_MARROW, MUSCLE_SKIN
from stages.anatomy.variation import Subject

SUBARACHNOID_MM = 3.9
"""Width of the CSF between the hull of the cerebrum and the skull at the age of 30."""
SUBARACHNOID_AGEING_MM = 1.0

POSTERIOR_FOSSA = Ellipsoid((0, -57, -34), (53, 34, 28.5))
STEM_CANAL = Tube(((0, -25, -6), (0, -27, -26), (0, -37, -50), (0, -44, -110)), (17, 19, 13, 9))
BASAL_CISTERNS = Ellipsoid((0, -18, 8), (69, 88, 66))
CRANIUM = Ellipsoid((0, -17, 8), (77, 98, 77))
FACE = Ellipsoid((0, 35, -55), (54, 50, 62))
NECK = Tube(((0, -40, -40), (0, -45, -140)), (56, 58))

AIR_SPACES = (
    Ellipsoid((16, 50, -38), (15, 26, 17)),  # maxillary sinus and nasal cavity
    Ellipsoid((0, 62, -28), (9, 16, 24)),  # nose
    Ellipsoid((0, 62, 4), (13, 6, 9)),  # frontal sinus
    Ellipsoid((0, 10, -72), (13, 26, 17)),  # pharynx
    Ellipsoid((55, -32, -30), (9, 12, 11)),  # mastoid cells
)
ORBIT = Ellipsoid((31, 58, -26), (14, 24, 14))
EYEBALL = Ellipsoid((31, 66, -26), (12, 12, 12))

SKULL_MM = 7.5
SCALP_MM = 13.0
MARROW_MM = (2.2, 4.8)
"""The diploe lies between these distances from the inner table."""
SUBCUTANEOUS_FAT_MM = (2.0, 5.5)
"""Depths under the skin."""


def intracranial(points: Points, hull: np.ndarray, subject: Subject) -> np.ndarray:
    """Mask of everything inside the dura; `hull` is the cerebrum on every second voxel."""
    lateral, anterior, superior = points
    smooth = ndimage.gaussian_filter(hull.astype(np.float32), 2.5) > 0.55
    outside = upsample(outer_distance(smooth), HALF, HEAD_SHAPE)
    width = SUBARACHNOID_MM + SUBARACHNOID_AGEING_MM * subject.ageing
    fossa = POSTERIOR_FOSSA.grown(max(subject.volume["cerebellum"]))
    cisterns = (BASAL_CISTERNS.distance(points) < -4) & (superior < -5) & (superior > -26)
    cisterns &= (anterior < 8) & (anterior > -60) & (lateral < 30)
    stem = STEM_CANAL.distance(points) < 0
    return (outside < width) | (fossa.distance(points) < 2) | stem | cisterns


def outer_distance(mask: np.ndarray) -> np.ndarray:
    """Distance in mm to a mask given on every second voxel, 0 inside."""
    return ndimage.distance_transform_edt(~mask, sampling=HALF).astype(np.float32)


def head_surface(points: Points, right: np.ndarray, to_brain: np.ndarray) -> np.ndarray:
    """Signed distance of the skin; `to_brain` in mm keeps the scalp outside the skull."""
    bulk = smooth_least(CRANIUM.distance(points), FACE.distance(points), 10)
    neck = NECK.distance(Points(right, points.anterior, points.superior))
    return np.minimum(smooth_least(bulk, neck, 12), to_brain - SCALP_MM)


def paint_head(
    labels: np.ndarray,
    points: Points,
    right: np.ndarray,
    inside: np.ndarray,
    texture: np.ndarray,
) -> None:
    """Write the extra-cerebral tissues into `labels`; `inside` is the mask of `intracranial`."""
    near = ndimage.gaussian_filter(outer_distance(inside[::HALF, ::HALF, ::HALF]), 1.2)
    to_brain = upsample(near, HALF, HEAD_SHAPE)
    skin = head_surface(points, right, to_brain)
    fat_from, fat_to = SUBCUTANEOUS_FAT_MM
    marrow_from, marrow_to = MARROW_MM
    vault = points.superior > -25
    labels[skin < 0] = MUSCLE_SKIN
    labels[(skin < -fat_from) & (skin > -fat_to - 1.5 * texture)] = FAT_MARROW
    labels[(to_brain < SKULL_MM + texture) & (skin < -3)] = BONE_AIR
    labels[(to_brain > marrow_from) & (to_brain < marrow_to + 0.8 * texture) & vault] = FAT_MARROW
    ragged = ((texture > -1) | (points.lateral < 20)) & (skin < -3) & ~inside
    for space in AIR_SPACES:
        labels[(space.distance(points) < 0) & ragged] = BONE_AIR
    labels[ORBIT.distance(points) < 0] = FAT_MARROW
    labels[EYEBALL.distance(points) < 0] = EYE
    labels[(to_brain < 6) & (to_brain > 0) & (labels == EYE)] = BONE_AIR
