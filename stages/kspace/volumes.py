"""From scans to image files: the format that the parameters describe, names, affines, sidecars."""

from pathlib import Path
from typing import Any

import numpy as np

from stages.images import affine, save_volume, subject
from stages.kspace.files import Scan, ScanFormat, identity
from stages.params.data import DataParams


def scan_format(data: DataParams) -> ScanFormat:
    """Return what section `data` says about the scans."""
    return ScanFormat(n_coils=data.n_coils, partial_fourier=data.partial_fourier)


def image_name(scan: Scan) -> str:
    """Return the BIDS file name of a scan's image."""
    return f"{subject(scan.path)}_T1w.nii.gz"


def save_image(
    folder: Path, scan: Scan, image: np.ndarray, data: DataParams, details: dict[str, Any]
) -> None:
    """Write an image (n_slices, n_ky, n_kz) as float32 NIfTI with a sidecar that names its source.

    Args:
        folder: where the volume goes.
        scan: the scan that the image was made from.
        image: modulus in the scan's own units.
        data: gives voxel size and orientation.
        details: what the sidecar says besides the source.
    """
    matrix = affine(image.shape, data.voxel_size_mm, data.axis_codes)
    source = {"Sources": [str(scan.path)], "ScanSHA256": identity(scan), "SkullStripped": False}
    values = image.astype(np.float32, copy=False)
    save_volume(folder / image_name(scan), values, matrix, source | details)
