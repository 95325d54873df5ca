"""Sizes of what the study reads and writes, in bytes, from the shapes of its scans."""

from collections.abc import Iterable
from math import prod

from stages.study.axes import Shape

COMPLEX_BYTES = 8  # a value of k-space
IMAGE_BYTES, LABEL_BYTES = 4, 2  # a voxel: float32, int16
IMAGE_PACKED, LABELS_PACKED = 0.9, 0.043  # of that is left by gzip; the default study's files


def voxels(shapes: Iterable[Shape]) -> int:
    """Return the number of voxels of scans."""
    return sum(prod(shape) for shape in shapes)


def kspace_bytes(shapes: Iterable[Shape], n_coils: int) -> int:
    """Return the size of the scans' files."""
    return COMPLEX_BYTES * n_coils * voxels(shapes)


def images_bytes(shapes: Iterable[Shape]) -> float:
    """Return the size of compressed images."""
    return IMAGE_PACKED * IMAGE_BYTES * voxels(shapes)


def labels_bytes(shapes: Iterable[Shape]) -> float:
    """Return the size of compressed label maps."""
    return LABELS_PACKED * LABEL_BYTES * voxels(shapes)


def cropped(shapes: Iterable[Shape], crop: tuple[int, int]) -> list[Shape]:
    """Return the shapes without the outer slices."""
    return [(max(n - sum(crop), 0), ky, kz) for n, ky, kz in shapes]
