"""The masks of the Calgary-Campinas reconstruction challenge, read from a folder of its files.

One file an acceleration and matrix, `R5_218x170.npy`: Poisson-disk masks (n_masks, n_ky, n_kz) of 0
and 1 over the full matrix (Beauferris et al. 2022, Frontiers in Neuroscience, multi-coil MRI
reconstruction challenge). Around zero frequency they sample all that lies nearer than 18; in
`R5_218x170.npy` that disk lies one row and one column beside it. The files are the user's own
download; nothing here fetches them.
"""

from itertools import product
from pathlib import Path

import numpy as np

from stages.kspace.masks.centre import disk, middle
from stages.kspace.masks.protocol import MaskKind, Matrix, Target
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.stored import as_bool, is_numeric, stored_array
from stages.params.mask import MaskParams
from stages.storage.reading import Kind
from stages.study.errors import StudyError

MASKS = Kind(
    "masks in numpy's format",
    "correct mask.files",
    "download the challenge's file again",
)
RADIUS = 18  # samples nearer than that to the centre of the disk are all there
SHIFTS = sorted(product((0, -1, 1), repeat=2), key=lambda shift: shift[0] ** 2 + shift[1] ** 2)
"""Of the disk's centre from zero frequency, (ky, kz), nearest first."""


def challenge_mask(
    folder: Path, acceleration: float, shape: Matrix, n_acquired: int, seed: int
) -> SamplingMask:
    """Return one of the challenge's masks; columns that were not acquired are dropped.

    Args:
        folder: where the files lie.
        acceleration: rounded, the number in the file's name.
        shape: matrix of the scan (n_ky, n_kz), the other part of the name.
        n_acquired: acquired kz columns.
        seed: chooses the mask, number `seed` modulo n_masks.

    Raises:
        StudyError: if the file is missing, damaged, of another shape, or the mask is not of 0 and 1
            or does not sample a whole calibration disk.
    """
    path = folder / file_name(acceleration, shape)
    masks = _load(path)
    if not is_numeric(masks) or masks.ndim != 3 or masks.shape[1:] != shape or not len(masks):
        raise StudyError(
            f"{path}: expected masks of shape (n, {shape[0]}, {shape[1]}), got {masks.shape}"
            f" of {masks.dtype}; download the challenge's file again"
        )
    number = seed % len(masks)
    advice = f" in mask {number}; download the challenge's file again"
    mask = as_bool(masks[number], str(path), advice)
    calibration = calibration_disk(mask, n_acquired)
    if calibration is None:
        n_missing = int((disk(shape, RADIUS) & ~mask)[:, :n_acquired].sum())
        raise StudyError(
            f"{path}: expected all samples nearer than {RADIUS} to the centre, got {n_missing} that"
            f" mask {number} leaves out; draw the masks instead (mask.kind uniform_poisson)"
        )
    return SamplingMask.of(mask, calibration, n_acquired)


def calibration_disk(mask: np.ndarray, n_acquired: int) -> np.ndarray | None:
    """Return the disk (n_ky, n_kz) that a mask samples in all acquired columns; None without one.

    Its centre is zero frequency or a neighbour of it, the nearest that will do.
    """
    y, z = middle(mask.shape)
    for dy, dz in SHIFTS:
        found = disk(mask.shape, RADIUS, (y + dy, z + dz))
        if not (found & ~mask)[:, :n_acquired].any():
            return found
    return None


def file_name(acceleration: float, shape: Matrix) -> str:
    """Return the name of the file for an acceleration and a matrix (n_ky, n_kz)."""
    return f"R{round(acceleration)}_{shape[0]}x{shape[1]}.npy"


def _load(path: Path) -> np.ndarray:
    if not (path.exists() or path.is_symlink()):
        there = ", ".join(sorted(found.name for found in path.parent.glob("*.npy"))) or "no masks"
        raise StudyError(
            f"{path}: expected the challenge's masks of this acceleration and matrix, found none;"
            f" the folder (mask.files) holds {there}"
        )
    return stored_array(path, MASKS)


def mask_of(params: MaskParams, target: Target) -> SamplingMask:
    """Return one of the masks in the folder `mask.files`; arguments as of `MaskKind.mask`."""
    folder = Path(params.files or "")
    return challenge_mask(
        folder, params.acceleration, target.matrix, target.n_acquired, target.seed
    )


def words(params: MaskParams) -> str:
    """Return the masks as a sentence names them."""
    return "the challenge's masks"


def direct(params: MaskParams) -> dict[str, object]:
    """Return DIRECT's configuration of the same files."""
    return {"name": "CalgaryCampinas", "accelerations": [params.acceleration]}


CHALLENGE = MaskKind("challenge", mask_of, words, direct)
