"""Fully sampled images of the validation scans: root sum of squares over the coils.

python -m stages.reference
"""

import numpy as np

from stages.kspace.formats.calgary_campinas import Scan, list_scans
from stages.kspace.fourier import rss_image
from stages.kspace.image_files import describe_images, save_image, scan_format
from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.params.data import DataParams
from stages.storage.files import atomic_directory
from stages.storage.nifti import subject
from stages.study import layout, sidecars
from stages.study.groups import FULLY_SAMPLED

GROUP = FULLY_SAMPLED.name
ABOUT = "Root sum of squares over the coils of fully sampled k-space."


def reference_image(scan: Scan) -> np.ndarray:
    """Return the image (n_slices, n_ky, n_kz), float32, columns that were not acquired zero."""
    return np.concatenate([rss_image(kspace) for _, kspace in scan.slabs()])


@entry_point
def main() -> None:
    """Write one NIfTI volume a scan."""
    data = DataParams.load()
    source = layout.DATA / data.validation
    scans = list_scans(source, scan_format(data), data.validation_files)
    with atomic_directory(layout.images(GROUP, 0)) as folder:
        describe_images(folder, GROUP, 0, ABOUT, data)
        for scan in progress(scans, desc=GROUP, unit="scan"):
            path = layout.image(GROUP, 0, subject(scan.path), folder)
            save_image(path, scan, reference_image(scan), data, {sidecars.DESCRIPTION: ABOUT})


if __name__ == "__main__":
    main()
