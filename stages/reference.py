"""Fully sampled images of the validation scans: root sum of squares over the coils.

python -m stages.reference
"""

import numpy as np

from stages import layout
from stages.errors import door
from stages.files import atomic_directory
from stages.images import describe_dataset
from stages.kspace.files import Scan, list_scans
from stages.kspace.fourier import rss_image
from stages.kspace.volumes import save_image, scan_format
from stages.params.data import DataParams
from stages.progress import progress


def reference_image(scan: Scan) -> np.ndarray:
    """Return the image (n_slices, n_ky, n_kz), float32, columns that were not acquired zero."""
    return np.concatenate([rss_image(kspace) for _, kspace in scan.slabs()])


@door
def main() -> None:
    """Write one NIfTI volume a scan."""
    data = DataParams.load()
    source = layout.DATA / data.validation
    scans = list_scans(source, scan_format(data), data.validation_files)
    with atomic_directory(layout.images("reference", 0)) as folder:
        describe_dataset(folder, name="fully sampled images", sources=[str(source)])
        for scan in progress(scans, desc="reference", unit="scan"):
            details = {"Reconstruction": "root sum of squares of the fully sampled k-space"}
            save_image(folder, scan, reference_image(scan), data, details)


if __name__ == "__main__":
    main()
