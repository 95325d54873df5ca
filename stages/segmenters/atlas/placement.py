"""Where the head lies in an image, coarsely: what the registration of the atlas begins with.

Coarse copies of the atlas, smaller and larger, nodding and raised, are compared with the image at
every place (`stages.segmenters.likeness`). What surrounds the brain plays no part, so that a
stripped brain, a cut neck and a wide field of view begin alike.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from stages.segmenters.atlas.probabilities import Atlas
from stages.segmenters.atlas.registration import DIMENSIONS
from stages.segmenters.likeness import VOXEL_MM, Template, coarse_maps, likeliest, template_of
from stages.segmenters.preprocess import resample

SCALES = (0.87, 1.0, 1.15)
PITCHES_DEG = (-15.0, 0.0, 15.0)  # about the axis from left to right
MARGIN_VOXELS = 4  # of zeros around a coarse image


class NoPlaceError(RuntimeError):
    """No coarse head fits into the image."""


@dataclass(frozen=True)
class Candidate:
    """A coarse head."""

    matrix: np.ndarray
    """(3, 3), offsets from its centre -> offsets in the atlas, mm."""
    centre_mm: np.ndarray
    """(3,), point of the atlas at its centre."""
    template: Template


def turned(scale: float, pitch_deg: float) -> np.ndarray:
    """Return the matrix (3, 3) of a head `scale` times as large, axes right, anterior, superior."""
    c, s = np.cos(np.deg2rad(pitch_deg)), np.sin(np.deg2rad(pitch_deg))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) / scale


def candidates(atlas: Atlas) -> list[Candidate]:
    """Return the coarse heads, whose grids have one centre."""
    maps = coarse_maps(atlas)
    point = points_mm((np.array(maps.shape[1:]) - 1) / 2, template_extent(atlas))
    maps = np.pad(maps, [(0, 0)] + [(1, 1)] * DIMENSIONS)
    centre = (np.array(maps.shape[1:]) - 1) / 2
    found = []
    for scale, pitch in product(SCALES, PITCHES_DEG):
        matrix = turned(scale, pitch)
        moved = [
            ndimage.affine_transform(m, matrix, centre - matrix @ centre, order=1) for m in maps
        ]
        found.append(Candidate(matrix, point, template_of(np.stack(moved))))
    return found


def template_extent(atlas: Atlas) -> np.ndarray:
    """Return the sides (3,) of the atlas's grid in mm."""
    return np.array(atlas.probabilities.shape[1:]) * atlas.voxel_size_mm


def points_mm(voxels: np.ndarray, extent_mm: np.ndarray) -> np.ndarray:
    """Return where coarse voxels (3,) lie, from the centre of the fine grid, whose sides are given.

    Coarse and fine grids have one outermost corner (`stages.segmenters.preprocess.resample`).
    """
    return (voxels + 0.5) * VOXEL_MM - extent_mm / 2


def placed(image: np.ndarray, voxel_size_mm: float, heads: list[Candidate]) -> sitk.AffineTransform:
    """Return the map from points of an image to those of the atlas, of the likeliest candidate.

    Args:
        image: (x, y, z), axes right, anterior, superior, its centre the origin of points.
        voxel_size_mm: of the image.
        heads: the candidates.

    Raises:
        NoPlaceError: if none fits into the image.
    """
    coarse, _ = resample(image.astype(float), np.diag([*(voxel_size_mm,) * 3, 1.0]), VOXEL_MM)
    coarse = np.pad(coarse, MARGIN_VOXELS)
    found = [likeliest(coarse, head.template) for head in heads]
    value, place, head = max(
        ((v, p, h) for (v, p), h in zip(found, heads, strict=True)), key=lambda each: each[0]
    )
    if not np.isfinite(value):
        raise NoPlaceError("no place in the image where a brain would fit")
    middle = np.array(place) + (np.array(head.template.region.shape) - 1) / 2 - MARGIN_VOXELS
    centre = points_mm(middle, np.array(image.shape) * voxel_size_mm)
    return as_transform(head.matrix, centre, head.centre_mm)


def as_transform(
    matrix: np.ndarray, image_mm: np.ndarray, atlas_mm: np.ndarray
) -> sitk.AffineTransform:
    """Return y = M (x - a) + b in SimpleITK's order of axes, superior first.

    Args:
        matrix: M, (3, 3), axes right, anterior, superior.
        image_mm, atlas_mm: a and b, (3,).
    """
    result = sitk.AffineTransform(DIMENSIONS)
    result.SetMatrix(np.ascontiguousarray(matrix[::-1, ::-1]).ravel().tolist())
    result.SetCenter(image_mm[::-1].tolist())
    result.SetTranslation((atlas_mm - image_mm)[::-1].tolist())
    return result
