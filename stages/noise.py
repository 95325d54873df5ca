"""One member of the noise ensemble: fully sampled scans with added noise, as images.

python -m stages.noise 2
"""

import argparse

import numpy as np

from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import describe_images, save_image, scan_format
from stages.kspace.noise import add_noise, brain_of, kspace_rms, mean_brain_rss, noise_sigma
from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.params.data import DataParams
from stages.params.noise import NoiseParams
from stages.storage.files import atomic_directory
from stages.storage.nifti import label_map, subject
from stages.study import layout
from stages.study.seeds import stable_seed

GROUP = "noise"
ABOUT = "Root sum of squares over the coils of fully sampled k-space with added noise."


def signal_of(scan: Scan, options: NoiseParams) -> float:
    """Return the signal that the parameter's definition of SNR refers to."""
    if options.definition != "brain_rss":
        return kspace_rms(scan)
    labels = label_map(layout.segmentation("reference", 0, subject(scan.path)), scan.shape)
    return mean_brain_rss(scan, brain_of(labels))


def noisy_image(scan: Scan, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Return the image (n_slices, n_ky, n_kz) of the scan with noise added to its k-space."""
    return np.concatenate(
        [rss_image(add_noise(k, sigma, scan.n_acquired, rng)) for _, k in scan.batches()]
    )


@entry_point
def main() -> None:
    """Write one NIfTI volume a scan; the sidecar holds the noise that was added."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seed", type=int, help="member of the ensemble")
    seed = parser.parse_args().seed
    data, options = DataParams.load(), NoiseParams.load()
    source = layout.DATA / data.validation
    scans = list_scans(source, scan_format(data), data.validation_files)
    with atomic_directory(layout.images(GROUP, seed)) as folder:
        describe_images(folder, GROUP, seed, ABOUT, data)
        for scan in progress(scans, desc=f"noise {seed}", unit="scan"):
            sigma = noise_sigma(options.snr, options.definition, signal_of(scan, options))
            rng = np.random.default_rng(stable_seed("noise", subject(scan.path), seed))
            details = {
                "Description": ABOUT,
                "NoiseSigma": sigma,
                "NoiseSNR": options.snr,
                "NoiseDefinition": options.definition,
                "NoiseAcquiredFraction": scan.n_acquired / scan.n_kz,
                "NoiseSeed": seed,
            }
            path = layout.image(GROUP, seed, subject(scan.path), folder)
            save_image(path, scan, noisy_image(scan, sigma, rng), details)


if __name__ == "__main__":
    main()
