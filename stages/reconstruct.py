"""Reconstruct every validation scan with one trained member, or with a baseline's method.

With `reconstruct.noise_map`, the SD of each image under the noise of its scan lies beside it.

python -m stages.reconstruct unet 3
python -m stages.reconstruct zero_filled 0
python -m stages.reconstruct compressed_sensing 0
"""

import numpy as np
import torch

from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import describe_images, save_image, scan_format
from stages.kspace.noise_level import noise_level
from stages.machine.arguments import member_argument
from stages.machine.device import prepare
from stages.machine.entry import entry_point
from stages.machine.parallel import each
from stages.machine.progress import progress
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.reconstruct import ReconstructParams
from stages.recon.catalogue import method_of
from stages.recon.inference import Reconstruction, reconstruct_scan
from stages.recon.learned.slices import scan_mask
from stages.recon.noise_map import Probing, differentiable, noise_map
from stages.storage.files import atomic_directory, md5
from stages.storage.nifti import subject
from stages.study import layout, sidecars
from stages.study.seeds import stable_seed


def under_noise(
    scan: Scan, reconstruction: Reconstruction, device: torch.device, options: ReconstructParams
) -> tuple[np.ndarray, dict[str, object]]:
    """Return the SD of a scan's image under its own noise, and what the sidecar says of it."""
    assert options.noise_map is not None
    mask, wanted = scan_mask(scan), options.noise_map
    sigma = noise_level(scan, mask.mask)
    seed = stable_seed("noise_map", subject(scan.path))
    probing = Probing(wanted.probes, wanted.smoothing_voxels, seed)
    sd = noise_map(scan, mask, reconstruction, sigma, probing, device, options.batch_size)
    return sd, {
        sidecars.DESCRIPTION: "SD of the image under the noise of its k-space, to first order.",
        sidecars.NOISE_SIGMA: float(np.sqrt(np.mean(sigma**2))),
        sidecars.NOISE_PROBES: wanted.probes,
        sidecars.NOISE_SMOOTHING: wanted.smoothing_voxels,
    }


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
            save_image(layout.image(group, seed, name, folder), scan, image, details)
            if options.noise_map is not None and differentiable(reconstruction):
                sd, found = under_noise(scan, reconstruction, device, options)
                path = layout.noise_map(group, seed, name, folder)
                save_image(path, scan, sd, details | found)
            bar.update()

        each(reconstruct, scans, compute.workers if device.type == "cpu" else 1)


if __name__ == "__main__":
    main()
