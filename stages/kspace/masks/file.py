"""Masks that the user made: one .npy file for all scans, or a folder with one for each scan.

A file holds one mask (n_ky, n_kz) of 0 and 1, or of truth values, over the full matrix. In a folder
it has the name of its scan: `e14089s3_P53248.7.npy` or `sub-e14089s3P532487.npy` for the scan
`e14089s3_P53248.7.h5`. The calibration region is the largest disk or rectangle around zero
frequency that is fully sampled.
"""

from pathlib import Path

import numpy as np

from stages.kspace.masks.centre import middle, sampled_centre
from stages.kspace.masks.protocol import MaskKind, Target
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.stored import as_bool, is_numeric, stored_array
from stages.params.mask import MaskParams
from stages.storage.nifti import subject
from stages.storage.reading import Kind
from stages.study.errors import StudyError

MASK = Kind("a mask in numpy's format (.npy)", "correct mask.files", "write it again")
SUFFIX = ".npy"
SMALLEST_CENTRE = 9  # samples of a calibration region, 3 x 3


def mask_of(params: MaskParams, target: Target) -> SamplingMask:
    """Return the mask of a scan; arguments as of `MaskKind.mask`.

    Raises:
        StudyError: if its file is missing, damaged, of another matrix, holds other values than 0
            and 1, samples no calibration region or columns that were not acquired, or if its
            acceleration is not `mask.acceleration`.
    """
    path = path_of(Path(params.files or ""), target.scan)
    mask = read(path, target)
    calibration = sampled_centre(mask)
    if calibration.sum() < SMALLEST_CENTRE:
        y, z = middle(target.matrix)
        raise StudyError(
            f"{path}: expected at least {SMALLEST_CENTRE} samples in a fully sampled disk or"
            f" rectangle around zero frequency ({y}, {z}), got {calibration.sum()}; sample the"
            " centre"
        )
    found = SamplingMask.of(mask, calibration, target.n_acquired)
    counted = found.acceleration(params.acceleration_of)
    if abs(counted / params.acceleration - 1) > params.file.tolerance:
        raise StudyError(
            f"{path}: expected acceleration {params.acceleration:g} ({params.acceleration_of}), as"
            f" mask.acceleration says, got {counted:.4g}; correct mask.acceleration or raise"
            " mask.file.tolerance"
        )
    return found


def path_of(files: Path, scan: str | None) -> Path:
    """Return the file of a scan's mask.

    Args:
        files: `mask.files`, a file or a folder.
        scan: the scan's label; None: the first file of a folder.
    """
    if not files.is_dir():
        return files
    there = sorted(path for path in files.iterdir() if path.suffix == SUFFIX)
    found = [path for path in there if scan in (None, label_of(path))]
    if not found:
        raise StudyError(
            f"{files}: expected the mask of {scan or 'a scan'}, a {SUFFIX} file of the scan's name,"
            f" found none among {len(there)} {SUFFIX} files; add it"
        )
    if scan is not None and len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise StudyError(f"{files}: expected one mask of {scan}, got {names}; remove all but one")
    return found[0]


def label_of(path: Path) -> str:
    """Return the label of the scan that a mask's file is named after."""
    return subject(path.stem.removeprefix("sub-"))


def read(path: Path, target: Target) -> np.ndarray:
    """Return the mask (n_ky, n_kz), bool, in a file; `StudyError` if it does not fit the scan."""
    stored = stored_array(path, MASK)
    if not is_numeric(stored) or stored.shape != target.matrix:
        size = f"{target.matrix[0]} x {target.matrix[1]}"
        of = f" of {target.scan}" if target.scan else ""
        raise StudyError(
            f"{path}: expected a mask of {size}, the matrix{of}, got {stored.shape} of"
            f" {stored.dtype}; scans that differ in their matrix need a folder with a mask each"
        )
    mask = as_bool(stored, str(path), "; write it again")
    beyond = int(mask[:, target.n_acquired :].sum())
    if beyond:
        raise StudyError(
            f"{path}: expected samples in the {target.n_acquired} acquired kz columns alone"
            f" (data.partial_fourier), got {beyond} beyond them; leave these out"
        )
    return mask


def words(params: MaskParams) -> str:
    """Return the masks as a sentence names them."""
    return "sampling masks of our own"


def direct(params: MaskParams) -> None:
    """Return None: DIRECT's command line reads no masks."""
    return


FILE = MaskKind("file", mask_of, words, direct)
