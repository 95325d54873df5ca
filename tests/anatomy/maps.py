"""Fabricated label maps of a head: tiny, real format."""

from pathlib import Path

import nibabel as nib
import numpy as np

VOXEL_MM = 8.0


def block_head() -> np.ndarray:
    """A head of blocks, 8 mm, axes (superior, anterior, right), uint16."""
    labels = np.zeros((24, 24, 20), np.int32)
    labels[4:22, 3:21, 2:18] = 511
    labels[6:20, 5:19, 4:16] = 24
    labels[7:19, 6:18, 5:10], labels[7:19, 6:18, 10:15] = 3, 42
    labels[8:18, 7:17, 6:10], labels[8:18, 7:17, 10:14] = 2, 41
    labels[12:15, 10:13, 8:10], labels[12:15, 10:13, 10:12] = 10, 49
    labels[6:8, 9:12, 9:11] = 16
    return labels


def write_lia(path: Path, labels: np.ndarray, dtype: type = np.int16) -> None:
    """Write (superior, anterior, right) labels with axes towards left, inferior, anterior."""
    turned = labels.transpose(2, 0, 1)[::-1, ::-1].astype(dtype)
    matrix = np.array([[-VOXEL_MM, 0, 0, 9], [0, 0, VOXEL_MM, -5], [0, -VOXEL_MM, 0, 3]])
    image = nib.Nifti1Image(turned, np.vstack([matrix, [0, 0, 0, 1]]))
    assert nib.aff2axcodes(image.affine) == ("L", "I", "A")
    nib.save(image, path)


def ventricular_head() -> np.ndarray:
    """`block_head` with lateral ventricles, hippocampi and amygdalae."""
    labels = block_head()
    labels[13:16, 9:14, 8], labels[13:16, 9:14, 11] = 4, 43
    labels[9, 9:13, 7], labels[9, 9:13, 12] = 5, 44
    labels[9, 9:13, 6], labels[9, 9:13, 13] = 17, 53
    labels[9, 13:15, 7], labels[9, 13:15, 12] = 18, 54
    return labels


def counts(labels: np.ndarray) -> np.ndarray:
    """Return the number of voxels of each label."""
    return np.bincount(labels.ravel(), minlength=600)


def millimetres() -> np.ndarray:
    """A small head of 2 mm blocks as 1 mm labels."""
    labels = ventricular_head().astype(np.uint16)
    labels[labels == 511] = 507
    return labels.repeat(2, 0).repeat(2, 1).repeat(2, 2)
