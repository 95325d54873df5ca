"""A simulated subject scanned again: the head in another position, other noise, the same coils.

Scans of one person on one scanner differ in that, and in physiology, which phantoms do not have.
The head moves with its texture, phase and bias field, by cubic splines on the 1 mm grid; what
leaves the field of view is lost, and its outermost layer goes on where the head gives way.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from stages.anatomy.participants import SPLITS
from stages.anatomy.view import fine_centre
from stages.params.phantom import PhantomParams
from stages.scanner.acquisition import Acquisition, noise_level, simulate_noisy
from stages.scanner.magnitude_images import list_heads, phantom_of
from stages.scanner.phantoms import acquisition, cohort_members, phantom
from stages.study.axes import Shape, three
from stages.study.errors import StudyError

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """Where a head lies: turned about the centre of the field of view, then shifted."""

    rotation_degrees: Vector
    """About (superior, anterior, right), one after the other."""
    shift_mm: Vector
    """Along the same axes."""


def draw_pose(shift_mm: float, rotation_degrees: float, rng: np.random.Generator) -> Pose:
    """Draw a position, uniform up to the largest shift along and rotation about each axis."""
    turn, shift = (
        three(float(v) for v in rng.uniform(-largest, largest, 3))
        for largest in (rotation_degrees, shift_mm)
    )
    return Pose(turn, shift)


def moved(image: np.ndarray, pose: Pose, centre: Shape) -> np.ndarray:
    r"""Return an image with the head in another position, of the same shape and type.

    A voxel x shows what lay at :math:`R^T (x - c - t) + c`, with rotation R, shift t, centre c.

    Args:
        image: (superior, anterior, right), 1 mm.
        pose: where the head lies.
        centre: voxel that the rotation leaves in place.
    """
    back = Rotation.from_euler("xyz", pose.rotation_degrees, degrees=True).as_matrix().T
    middle = np.array(centre, dtype=np.float64)
    offset = middle - back @ (middle + np.array(pose.shift_mm))
    return ndimage.affine_transform(image, back, offset, order=3, mode="nearest")


def in_scanner(name: str, params: PhantomParams) -> tuple[np.ndarray, np.ndarray]:
    """Return the image of a validation scan's subject, and where its signal-to-noise is defined.

    Args:
        name: stem of the scan's file.
        params: of the simulated cohort.

    Returns:
        Complex64 and bool, (superior, anterior, right) of 1 mm voxels.

    Raises:
        StudyError: if no subject of the cohort has this name.
    """
    if params.images is not None:
        for head in list_heads(params):
            if (head.split, head.name) == (SPLITS[1], name):
                return phantom_of(head, params)
    else:
        for member in cohort_members(params):
            if (member.split, member.name) == (SPLITS[1], name):
                found = phantom(member, params)
                return found.image, found.white_matter
    raise StudyError(
        f"{name}: expected a scan that section `phantom` of params.yaml simulates, as only those"
        " can be repeated; take another method of draws"
    )


def rescan(
    path: Path, pose: Pose, params: PhantomParams, rng: np.random.Generator
) -> tuple[Acquisition, Iterator[np.ndarray]]:
    """Return how a subject is scanned, and k-space (n_coils, n_ky, n_kz) of each slice in turn.

    The noise has the SD of the first scan: it is the scanner's, wherever the head lies.

    Args:
        path: of the first scan.
        pose: the position of the head in the second.
        params: of the simulated cohort.
        rng: source of the noise.

    Raises:
        StudyError: as `in_scanner`.
    """
    image, tissue = in_scanner(path.stem, params)
    scanner = acquisition(params)
    sigma = noise_level(image, tissue, scanner)
    there = moved(image, pose, fine_centre(scanner.grid, scanner.factor))
    return scanner, simulate_noisy(there, sigma, scanner, rng)
