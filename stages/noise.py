"""One member of the noise ensemble: fully sampled scans with added noise, as images.

python -m stages.noise 2
"""

import numpy as np

from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import describe_images, save_image, scan_format
from stages.kspace.noise import add_noise, brain_of, kspace_rms, mean_brain_rss, noise_sigma
from stages.machine.arguments import seed_argument
from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.params.data import DataParams
from stages.params.noise import NoiseParams
from stages.storage.files import atomic_directory
from stages.storage.nifti import label_map, subject
from stages.study import layout, sidecars
from stages.study.groups import ADDED_NOISE, FULLY_SAMPLED
from stages.study.parcels import without_parcels
from stages.study.seeds import stable_seed

ABOUT = "Root sum of squares over the coils of fully sampled k-space with added noise."


def signal_of(scan: Scan, options: NoiseParams) -> float:
    """Return the signal that the parameter's definition of SNR refers to."""
    if options.definition != "brain_rss":
        return kspace_rms(scan)
    path = layout.segmentation(FULLY_SAMPLED.name, 0, subject(scan.path))
    labels = without_parcels(label_map(path, scan.shape, scan.affine))
    return mean_brain_rss(scan, brain_of(labels))


def noisy_image(scan: Scan, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Return the image (n_slices, n_ky, n_kz) of the scan with noise added to its k-space."""
    where = scan.n_acquired, rng, scan.acquired
    return np.concatenate([rss_image(add_noise(k, sigma, *where)) for _, k in scan.batches()])


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Write one NIfTI volume a scan; the sidecar holds the noise that was added."""
    seed = seed_argument(arguments, "noise")
    data, options = DataParams.load(), NoiseParams.load()
    source = layout.DATA / data.validation
    scans = list_scans(source, scan_format(data), data.validation_files)
    with atomic_directory(layout.images(ADDED_NOISE, seed)) as folder:
        describe_images(folder, ADDED_NOISE, seed, ABOUT, data)
        for scan in progress(scans, desc=f"noise {seed}", unit="scan"):
            signal = signal_of(scan, options)
            sigma = noise_sigma(options.snr, options.definition, signal)
            rng = np.random.default_rng(stable_seed("noise", subject(scan.path), seed))
            details = {
                sidecars.DESCRIPTION: ABOUT,
                sidecars.NOISE_SIGMA: sigma,
                sidecars.NOISE_SNR: options.snr,
                sidecars.NOISE_DEFINITION: options.definition,
                sidecars.NOISE_ACQUIRED_FRACTION: float(scan.acquired.mean()),
                sidecars.NOISE_SEED: seed,
            }
            path = layout.image(ADDED_NOISE, seed, subject(scan.path), folder)
            save_image(path, scan, noisy_image(scan, sigma, rng), details)


if __name__ == "__main__":
    main()
