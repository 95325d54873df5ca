"""The image that is segmented, read with suspicion."""

import math
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from stages.storage.nifti import check_geometry, check_voxels, header_voxel_size
from stages.storage.reading import Kind, reading
from stages.study.errors import StudyError

AMPLE_LITRES = 64.0  # 400 mm along each side: in more, air moves the percentiles
IMAGE = Kind("a NIfTI or MGZ image", "check the path", "export it again")


@dataclass(frozen=True)
class Image:
    """One image as stored."""

    data: np.ndarray
    """(i, j, k) float64."""
    affine: np.ndarray
    """(4, 4) voxel to RAS mm."""
    voxel_size_mm: np.ndarray
    """(3,), from the header."""


def load(path: Path) -> Image:
    """Read an image: the first volume of a 4D one, any real number type.

    Raises:
        StudyError: if the file is missing or damaged, not 3D, or holds values or an affine that
            cannot be used.
    """
    with reading(path, IMAGE):
        stored = nib.load(path)
        check_grid(path, stored)
        data = np.squeeze(stored.get_fdata(caching="unchanged"))
    if data.ndim == 4:
        data = data[..., 0]
    if not np.all(np.isfinite(data)):
        raise StudyError(f"{path}: expected finite intensities, got NaN or infinite values")
    return Image(data, np.asarray(stored.affine, float), header_voxel_size(stored))


def check_grid(path: Path, image: nib.spatialimages.SpatialImage) -> None:  # type: ignore[name-defined]  # not read
    """Raise `StudyError` for number types, shapes and affines that cannot be segmented."""
    shape = tuple(n for n in image.shape if n != 1)
    check_voxels(path, image)
    if len(shape) not in (3, 4) or 1 in image.shape[:3] or min(shape) < 1:
        raise StudyError(f"{path}: expected three dimensions, got shape {image.shape}")
    check_geometry(path, image)


def remarks(path: Path, *, whole: bool) -> list[str]:
    """Return a line for what the user may not expect of an image that can be segmented.

    Args:
        path: the image.
        whole: whether the air around the head changes what the segmenter measures.
    """
    with reading(path, IMAGE):
        stored = nib.load(path)
    lines = []
    n_volumes = math.prod(stored.shape[3:])
    if n_volumes > 1:
        lines.append(f"{path}: the first of {n_volumes} volumes is segmented, the others are not")
    litres = abs(np.linalg.det(stored.affine[:3, :3])) * math.prod(stored.shape[:3]) * 1e-6
    if whole and litres > AMPLE_LITRES:
        lines.append(
            f"{path}: intensities are scaled by percentiles of the whole image, and {litres:.0f}"
            " litres are mostly air: volumes change by percents; crop the image to the head"
        )
    return lines
