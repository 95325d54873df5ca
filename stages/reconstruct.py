"""Reconstruct every validation scan with one trained member, or with a method that learns nothing.

python -m stages.reconstruct unet 3
python -m stages.reconstruct zero_filled 0
python -m stages.reconstruct compressed_sensing 0
"""

import argparse
from pathlib import Path
from typing import Any

import torch

from stages.kspace.formats.catalogue import identities, list_scans
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import describe_images, save_image, scan_format
from stages.machine.device import prepare
from stages.machine.entry import entry_point
from stages.machine.parallel import each
from stages.machine.progress import progress
from stages.params.compressed_sensing import CompressedSensingParams
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.reconstruct import ReconstructParams
from stages.provenance.leakage import check_use
from stages.provenance.records import member_record
from stages.recon.compressed_sensing import l1_wavelet
from stages.recon.inference import Reconstruction, learned, reconstruct_scan
from stages.recon.learned.checkpoints import CONFIGURATION, WEIGHTS, load_member, trained_member
from stages.recon.learned.slices import scan_mask
from stages.recon.physics import zero_filled
from stages.storage.files import atomic_directory, md5, read_mapping
from stages.storage.nifti import subject
from stages.study import layout

ZERO_FILLED, COMPRESSED_SENSING = "zero_filled", "compressed_sensing"
BASELINES = (ZERO_FILLED, COMPRESSED_SENSING)


def reconstruction_of(group: str, seed: int, device: torch.device) -> Reconstruction:
    """Return the reconstruction that a group stands for; only networks have weights to load."""
    if group == ZERO_FILLED:
        return zero_filled
    if group == COMPRESSED_SENSING:
        return l1_wavelet(CompressedSensingParams.load())
    return learned(load_member(trained_member(group, seed), device))


def origin_of(group: str, seed: int, scans: list[Scan]) -> dict[str, Any]:
    """Return what images say about the member that makes them; nothing without a network.

    Raises:
        StudyError: if the member has learned from one of the scans, or for another acceleration.
    """
    if group in (ZERO_FILLED, COMPRESSED_SENSING):
        return {}
    folder = layout.model(group, seed)
    configuration = read_mapping(folder / CONFIGURATION)
    accelerations = {mask_file(scan): scan_mask(scan).acceleration_acquired for scan in scans}
    check_use(folder, configuration, identities(scans), accelerations)
    return member_record(folder / WEIGHTS, configuration)


def mask_file(scan: Scan) -> Path:
    """Return where the mask of a scan lies."""
    return layout.mask(subject(scan.path))


@entry_point
def main() -> None:
    """Write one NIfTI volume a scan to `work/images/<group>/<seed>`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("group", help="an architecture of params.yaml, or a baseline")
    parser.add_argument("seed", type=int, help="member of the ensemble")
    arguments = parser.parse_args()
    group, seed = arguments.group, arguments.seed
    data, options = DataParams.load(), ReconstructParams.load()
    compute = ComputeParams.load()
    device = prepare(compute)
    source = layout.DATA / data.validation
    scans = list_scans(source, scan_format(data), data.validation_files)
    reconstruction = reconstruction_of(group, seed, device)
    origin = origin_of(group, seed, scans)
    bar = progress(desc=f"{group} {seed}", total=len(scans), unit="scan")
    with bar, atomic_directory(layout.images(group, seed)) as folder:
        about = f"Reconstructed from undersampled k-space by {group}, member {seed}."
        tools = () if group in BASELINES else ["direct-recon"]
        describe_images(folder, group, seed, about, data, tools)

        def reconstruct(scan: Scan) -> None:
            drawn = scan_mask(scan)
            image = reconstruct_scan(scan, drawn, reconstruction, device, options.batch_size)
            details = {
                "Description": about,
                "Reconstruction": group,
                "Member": seed,
                "AccelerationAcquired": drawn.acceleration_acquired,
                "AccelerationFull": drawn.acceleration_full,
                "MaskMD5": md5(mask_file(scan)),
                **origin,
            }
            path = layout.image(group, seed, subject(scan.path), folder)
            save_image(path, scan, image, details)
            bar.update()

        each(reconstruct, scans, compute.workers if device.type == "cpu" else 1)


if __name__ == "__main__":
    main()
