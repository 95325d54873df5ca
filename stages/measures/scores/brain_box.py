"""An image beside the fully sampled one, in the box of the brain: what every score is of."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects

from stages.measures.voxelwise import WHITE_MATTER
from stages.study.errors import StudyError
from stages.study.structures import LABELS

BRAIN = [label for labels in LABELS.values() for label in labels]
CORTEX = LABELS["cortex"]
RANGE = 255.0  # of 8-bit images, for which the constants of the scores were chosen


@dataclass(frozen=True)
class BrainBox:
    """The smallest box around the brain of a scan, and the fully sampled image in it."""

    place: tuple[slice, ...]
    """Of (n_slices, n_y, n_z), in the scan."""

    reference: np.ndarray
    """(n_slices, n_y, n_z) float64; its largest value is `RANGE`."""

    unit: float
    """Intensity of the scan that is 1 here: its largest in the box over `RANGE`."""

    white: np.ndarray
    """(n_slices, n_y, n_z) bool, cerebral white matter by the reference's segmentation."""

    grey: np.ndarray
    """(n_slices, n_y, n_z) bool, cerebral cortex by the reference's segmentation."""

    def pair(self, image: np.ndarray) -> "Pair":
        """Return an image of the scan, (i, j, k), beside the fully sampled one."""
        return Pair(self, image[self.place].astype(np.float64) / self.unit)


@dataclass(frozen=True)
class Pair:
    """The fully sampled image in the box, and another one of the same scan and scale."""

    box: BrainBox
    image: np.ndarray
    """(n_slices, n_y, n_z) float64, in the unit of `BrainBox.reference`."""


def brain_box(reference: np.ndarray, labels: np.ndarray) -> BrainBox:
    """Return the box of the brain of a scan.

    Args:
        reference: (i, j, k), the fully sampled image; slices lie along the first axis.
        labels: (i, j, k) FreeSurfer ids, its segmentation.

    Raises:
        StudyError: if nothing of the brain is segmented, or the image is blank there.
    """
    found = find_objects(np.isin(labels, BRAIN).astype(np.uint8))
    inside = reference[found[0]].astype(np.float64) if found else np.zeros(0)
    if not inside.max(initial=0.0) > 0:
        raise StudyError(
            "image quality: expected a segmented brain with signal in the fully sampled image,"
            " found none; check the scan and its segmentation"
        )
    unit = float(inside.max()) / RANGE
    own = labels[found[0]]
    return BrainBox(found[0], inside / unit, unit, np.isin(own, WHITE_MATTER), np.isin(own, CORTEX))
