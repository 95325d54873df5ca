"""The masks of the Calgary-Campinas reconstruction challenge, read from a folder of its files.

One file an acceleration and matrix, `R5_218x170.npy`: Poisson-disk masks (n_masks, n_ky, n_kz) of 0
and 1 over the full matrix (Beauferris et al. 2022, Frontiers in Neuroscience, multi-coil MRI
reconstruction challenge). The files are the user's own download; nothing here fetches them.
"""

from pathlib import Path

import numpy as np

from stages.kspace.masks.protocol import MaskKind, Matrix
from stages.kspace.masks.sampling import SamplingMask
from stages.params.mask import MaskParams
from stages.storage.reading import Kind, reading
from stages.study.errors import StudyError

MASKS = Kind(
    "masks in numpy's format",
    "correct mask.files",
    "download the challenge's file again",
)
RADIUS = 18  # positions: the fully sampled centre that the challenge promises, its rim included


def challenge_mask(
    folder: Path, acceleration: float, shape: tuple[int, int], n_acquired: int, seed: int
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
            or does not sample the whole calibration disk.
    """
    path = folder / file_name(acceleration, shape)
    masks = _load(path)
    real = masks.dtype.kind in "biuf"
    if not real or masks.ndim != 3 or masks.shape[1:] != shape or not len(masks):
        raise StudyError(
            f"{path}: expected masks of shape (n, {shape[0]}, {shape[1]}), got {masks.shape}"
            f" of {masks.dtype}; download the challenge's file again"
        )
    chosen = seed % len(masks)
    mask = masks[chosen]
    if not np.isin(mask, (0, 1)).all():
        raise StudyError(
            f"{path}: expected masks of 0 and 1, got other values in mask {chosen};"
            " download the challenge's file again"
        )
    mask, calibration = mask.astype(bool), disk(shape, RADIUS)
    if (calibration & ~mask).any():
        raise StudyError(
            f"{path}: expected every position within {RADIUS} of the centre sampled, got"
            f" {int((calibration & ~mask).sum())} that mask {chosen} leaves out; draw the masks"
            " instead (mask.files null)"
        )
    return SamplingMask.of(mask, calibration, n_acquired)


def file_name(acceleration: float, shape: tuple[int, int]) -> str:
    """Return the name of the file for an acceleration and a matrix (n_ky, n_kz)."""
    return f"R{round(acceleration)}_{shape[0]}x{shape[1]}.npy"


def disk(shape: tuple[int, int], radius: int) -> np.ndarray:
    """Return the positions (n_ky, n_kz), bool, at most `radius` from (n_ky // 2, n_kz // 2)."""
    y, z = (np.arange(n) - n // 2 for n in shape)
    return np.square(y)[:, None] + np.square(z) <= radius**2


def _load(path: Path) -> np.ndarray:
    if not (path.exists() or path.is_symlink()):
        there = ", ".join(sorted(found.name for found in path.parent.glob("*.npy"))) or "no masks"
        raise StudyError(
            f"{path}: expected the challenge's masks of this acceleration and matrix, found none;"
            f" the folder (mask.files) holds {there}"
        )
    with reading(path, MASKS):
        return np.lib.format.open_memmap(path, mode="r")


def mask_of(params: MaskParams, matrix: Matrix, n_acquired: int, seed: int) -> SamplingMask:
    """Return one of the masks in the folder `mask.files`; arguments as of `MaskKind.mask`."""
    if params.files is None:
        raise StudyError("mask.files: expected the folder of the challenge's masks, got null")
    return challenge_mask(Path(params.files), params.acceleration, matrix, n_acquired, seed)


CHALLENGE = MaskKind(
    name="challenge",
    title="the challenge's masks",
    has_center_fraction=False,
    mask=mask_of,
)
