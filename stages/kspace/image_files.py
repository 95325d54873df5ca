"""From scans to image files: the format that the parameters describe, affines, sidecars."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.params.data import DataParams
from stages.storage.bids import describe_dataset, uri
from stages.storage.nifti import save_volume
from stages.study import layout, sidecars
from stages.study.groups import desc_of

SCANS = "scans"  # the folder of scans among a data set's links


def scan_format(data: DataParams) -> ScanFormat:
    """Return what section `data` says about the scans."""
    return ScanFormat(
        data.n_coils,
        data.partial_fourier,
        data.voxel_size_mm,
        data.axis_codes,
        data.acquired,
        data.centred_transform,
        data.format,
    )


def resolved(scan: Scan) -> ScanFormat:
    """Return what the parameters would state of a scan if its file were silent."""
    return replace(
        scan.layout,
        n_coils=scan.n_coils,
        partial_fourier=scan.partial_fourier,
        voxel_size_mm=scan.geometry.voxel_size_mm,
        axis_codes=scan.geometry.axis_codes,
        centred_transform=scan.geometry.centred,
    )


def describe_images(
    folder: Path, group: str, seed: int, about: str, data: DataParams, tools: Iterable[str] = ()
) -> None:
    """Make the folder of a member's images a BIDS derivative of the validation scans.

    Args:
        folder: where the member is written.
        group: its group.
        seed: which member it is.
        about: how its images were made, a sentence.
        data: says where the scans lie.
        tools: installed packages that did the work.
    """
    describe_dataset(
        folder,
        name=f"Images of {group}, member {seed}",
        about=about,
        sources={SCANS: layout.DATA / data.validation},
        tools=tools,
        desc=desc_of(group),
    )


def save_image(path: Path, scan: Scan, image: np.ndarray, details: Mapping[str, Any]) -> None:
    """Write an image (n_slices, n_ky, n_kz) as float32 NIfTI with a sidecar that names its source.

    Args:
        path: where the volume goes.
        scan: the scan that the image was made from.
        image: modulus in the scan's own units.
        details: what the sidecar says besides the source.
    """
    sidecar = {
        sidecars.SOURCES: [uri(SCANS, scan.path.name)],
        sidecars.SCAN: scan.identity(),
        sidecars.SPACE: "orig",
        sidecars.SKULL_STRIPPED: False,
        sidecars.UNITS: "arbitrary",
        sidecars.PARTIAL_FOURIER: scan.partial_fourier,
        **details,
    }
    voxels = image.astype(np.float32, copy=False)
    save_volume(path, voxels, scan.affine, sidecar)
