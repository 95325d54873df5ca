"""Where the image of an MRD file lies in space: slices in order, voxel sizes, the affine.

Headers of acquisitions hold the centre of what was excited and the directions of readout, phase and
slice encoding in the patient's coordinates (LPS, mm). Where all are zero, the file is silent.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.study.errors import StudyError

DIRECTIONS = ("read_dir", "phase_dir", "slice_dir")
LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
EXACT = 1e-3  # of unit vectors, and their scalar products
GAP_MM = 0.05  # that distances between slices may differ by


@dataclass(frozen=True, eq=False)
class Placement:
    """Slices of a scan in the order of space."""

    order: np.ndarray
    """(n_slices,) numbers in the file."""
    directions: np.ndarray | None
    """(3, 3) unit vectors of readout, phase and slice in RAS, a row each; None: not known."""
    first_mm: np.ndarray
    """(3,) RAS centre of the first slice."""
    spacing_mm: float | None
    """Between the centres of slices; None where there is one, or positions are not known."""


def placement(heads: np.ndarray, path: Path) -> Placement:
    """Return where slices lie; raise `StudyError` if that is no stack of parallel slices.

    Args:
        heads: headers of the lines of the image.
        path: the file.
    """
    order = np.unique(heads["idx"]["slice"])
    directions = _directions(heads, path)
    centres = np.array([heads[heads["idx"]["slice"] == n]["position"][0] for n in order], float)
    centres *= LPS_TO_RAS
    if directions is None or len(order) == 1:
        return Placement(order, directions, centres[0], None)
    along = centres @ directions[2]
    sorted_ = np.argsort(along, kind="stable")
    gaps = np.diff(along[sorted_])
    if gaps.max() < GAP_MM:  # positions were left out
        return Placement(order, directions, centres[0], None)
    if gaps.min() < GAP_MM or np.ptp(gaps) > GAP_MM:
        raise StudyError(
            f"{path}: expected slices at equal distances, got {gaps.min():.2f} to"
            f" {gaps.max():.2f} mm between neighbours; leave the scan out"
        )
    return Placement(order[sorted_], directions, centres[sorted_[0]], float(gaps.mean()))


def _directions(heads: np.ndarray, path: Path) -> np.ndarray | None:
    """Return the unit vectors of a scan in RAS, None where its file has none."""
    vectors = np.stack([heads[name] for name in DIRECTIONS], axis=1).astype(float)
    if not vectors.any():
        return None
    if not np.isfinite(vectors).all() or np.abs(vectors - vectors[0]).max() > EXACT:
        raise StudyError(
            f"{path}: expected parallel slices, got several orientations (a localiser); leave the"
            " scan out"
        )
    found = vectors[0]
    if np.abs(found @ found.T - np.eye(3)).max() > EXACT:
        raise StudyError(
            f"{path}: expected directions of readout, phase and slice at right angles, got"
            f" {found.round(3).tolist()}; convert the scan anew"
        )
    return found * LPS_TO_RAS


def affine_of(
    directions: np.ndarray,
    sizes: tuple[float, float, float],
    at: tuple[int, int, int],
    at_mm: np.ndarray,
) -> np.ndarray:
    """Return the affine (4, 4) of a grid.

    Args:
        directions: (3, 3) unit vectors (RAS) of the axes, a row each.
        sizes: edges of a voxel along them, mm.
        at: a voxel.
        at_mm: where it lies (RAS).
    """
    matrix = np.eye(4)
    matrix[:3, :3] = directions.T * sizes
    matrix[:3, 3] = at_mm - matrix[:3, :3] @ at
    return matrix
