"""Planes of a scan in RAS orientation: which to show, and the contours of structures in them."""

import numpy as np
from matplotlib.axes import Axes
from nibabel.orientations import apply_orientation, io_orientation

from stages.study.structures import structure

# structures that differ visibly and share an axial slice
DEEP = ("thalamus", "caudate", "putamen", "pallidum", "lateral_ventricle", "hippocampus")
CORONAL = ("hippocampus", "thalamus")  # what each of the other planes should show most of
SAGITTAL = ("brainstem", "third_ventricle", "fourth_ventricle")
# colours that the colour-blind tell apart: Okabe and Ito 2008, https://jfly.uni-koeln.de/color
OUTLINES = {
    "Ventricles": ("#56B4E9", ("lateral_ventricle", "third_ventricle", "fourth_ventricle")),
    "Caudate, putamen, accumbens": ("#009E73", ("caudate", "putamen", "accumbens")),
    "Pallidum": ("#F0E442", ("pallidum",)),
    "Thalamus": ("#E69F00", ("thalamus",)),
    "Hippocampus, amygdala": ("#D55E00", ("hippocampus", "amygdala")),
    "Brainstem": ("#CC79A7", ("brainstem",)),
    "Cerebellum": ("#FFFFFF", ("cerebellum_cortex", "cerebellum_white_matter")),
}


def to_ras(data: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return a volume with its axes in the order (right, anterior, superior).

    Args:
        data: (i, j, k).
        matrix: (4, 4) voxel-to-world affine, RAS+.
    """
    return apply_orientation(data, io_orientation(matrix))


def ras_voxel_size(matrix: np.ndarray) -> np.ndarray:
    """Return the voxel size along (right, anterior, superior), mm."""
    orientation = io_orientation(matrix)
    sizes = np.empty(3)
    sizes[orientation[:, 0].astype(int)] = np.linalg.norm(matrix[:3, :3], axis=0)
    return sizes


def inside(labels: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return where some structures are, bool in the shape of the FreeSurfer ids `labels`."""
    return np.isin(labels, [label for name in names for label in structure(name).labels])


def best_slice(labels: np.ndarray) -> int:
    """Return the axial slice with most voxels of the deep structures, else the middle one.

    Args:
        labels: (right, anterior, superior) FreeSurfer ids.
    """
    counts = inside(labels, DEEP).sum(axis=(0, 1))
    return int(np.argmax(counts)) if counts.any() else labels.shape[2] // 2


def fullest(mask: np.ndarray, axis: int) -> int:
    """Return the index along an axis of the plane with most voxels of a mask (i, j, k)."""
    others = tuple(other for other in range(3) if other != axis)
    return int(np.argmax(mask.sum(axis=others)))


def three_planes(labels: np.ndarray) -> tuple[int, int, int]:
    """Return indices of an axial, a coronal and a sagittal plane that show the deep structures.

    Args:
        labels: (right, anterior, superior) FreeSurfer ids; the middle planes without any label.
    """
    if not labels.any():
        right, anterior, superior = (n // 2 for n in labels.shape)
        return superior, anterior, right
    coronal, sagittal = inside(labels, CORONAL), inside(labels, SAGITTAL)
    return best_slice(labels), fullest(coronal, 1), fullest(sagittal, 0)


def outline(panel: Axes, labels: np.ndarray, width: float) -> None:
    """Draw the contours of the structures in one plane.

    Args:
        panel: where.
        labels: (width, height) FreeSurfer ids.
        width: of the lines, points.
    """
    for colour, names in OUTLINES.values():
        for name in names:
            mask = inside(labels, (name,))
            if mask.any() and not mask.all():
                panel.contour(mask.T.astype(float), [0.5], colors=[colour], linewidths=width)
