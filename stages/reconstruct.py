"""Reconstruct every validation scan with one trained member, or with a baseline's method.

python -m stages.reconstruct unet 3
python -m stages.reconstruct zero_filled 0
python -m stages.reconstruct compressed_sensing 0
"""

from stages.kspace.formats.calgary_campinas import Scan, list_scans
from stages.kspace.image_files import describe_images, save_image, scan_format
from stages.machine.arguments import member_argument
from stages.machine.device import prepare
from stages.machine.entry import entry_point
from stages.machine.parallel import each
from stages.machine.progress import progress
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.reconstruct import ReconstructParams
from stages.recon.catalogue import method_of
from stages.recon.inference import reconstruct_scan
from stages.recon.learned.slices import scan_mask
from stages.storage.files import atomic_directory, md5
from stages.storage.nifti import subject
from stages.study import layout, sidecars


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Write one NIfTI volume a scan to `work/images/<group>/<seed>`."""
    group, seed = member_argument(arguments, "reconstruct")
    data, options = DataParams.load(), ReconstructParams.load()
    compute, method = ComputeParams.load(), method_of(group)
    device = prepare(compute)
    source = layout.DATA / data.validation
    scans = list_scans(source, scan_format(data), data.validation_files)
    reconstruction = method.open(group, seed, device)
    origin = method.origin(group, seed, scans)
    bar = progress(desc=f"{group} {seed}", total=len(scans), unit="scan")
    with bar, atomic_directory(layout.images(group, seed)) as folder:
        about = f"Reconstructed from undersampled k-space by {group}, member {seed}."
        describe_images(folder, group, seed, about, data, method.tools)

        def reconstruct(scan: Scan) -> None:
            name, mask = subject(scan.path), scan_mask(scan)
            image = reconstruct_scan(scan, mask, reconstruction, device, options.batch_size)
            details = {
                sidecars.DESCRIPTION: about,
                sidecars.RECONSTRUCTION: group,
                sidecars.MEMBER: seed,
                sidecars.ACCELERATION_ACQUIRED: mask.acceleration_acquired,
                sidecars.ACCELERATION_FULL: mask.acceleration_full,
                sidecars.MASK: md5(layout.mask(name)),
                **origin,
            }
            save_image(layout.image(group, seed, name, folder), scan, image, data, details)
            bar.update()

        each(reconstruct, scans, compute.workers if device.type == "cpu" else 1)


if __name__ == "__main__":
    main()
