"""The image that is segmented, read with suspicion."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from stages.storage.nifti import check_voxels
from stages.storage.reading import Kind, reading
from stages.study.errors import StudyError

SINGULAR = 1e-9  # mm3, volume of a voxel below which an affine counts as flat
AGREEMENT = 0.05  # relative, between the voxel sizes of header and affine
LARGEST_VOXEL_MM = 15  # thicker slices show no structure
LARGEST_EXTENT_MM = 700  # head and neck; more would fill the memory
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


def header_voxel_size(image: nib.spatialimages.SpatialImage) -> np.ndarray:  # type: ignore[name-defined]  # not read
    """Edges of a voxel in mm as the header states them, apart from the affine."""
    header = image.header
    return np.array(header["delta"] if "delta" in header else header["pixdim"][1:4], float)


def check_grid(path: Path, image: nib.spatialimages.SpatialImage) -> None:  # type: ignore[name-defined]  # not read
    """Raise `StudyError` for number types, shapes and affines that cannot be segmented."""
    shape = tuple(n for n in image.shape if n != 1)
    affine, size = image.affine, header_voxel_size(image)
    check_voxels(path, image)
    if len(shape) not in (3, 4) or 1 in image.shape[:3] or min(shape) < 1:
        raise StudyError(f"{path}: expected three dimensions, got shape {image.shape}")
    if not np.all(np.isfinite(affine)) or abs(np.linalg.det(affine[:3, :3])) < SINGULAR:
        raise StudyError(f"{path}: expected an invertible affine, got {affine[:3].tolist()}")
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.allclose(spacing, size, rtol=AGREEMENT):
        raise StudyError(
            f"{path}: expected the voxel size of the header to be that of the affine,"
            f" {spacing.round(3).tolist()} mm, got {size.round(3).tolist()} mm; volumes would be"
            " wrong: correct the header"
        )
    extent = spacing * image.shape[:3]
    if spacing.max() > LARGEST_VOXEL_MM or extent.max() > LARGEST_EXTENT_MM:
        raise StudyError(
            f"{path}: expected a head: voxels up to {LARGEST_VOXEL_MM} mm, sides up to"
            f" {LARGEST_EXTENT_MM} mm, got {spacing.round(2).tolist()} and"
            f" {extent.round().tolist()} mm; crop the image or correct its header"
        )
