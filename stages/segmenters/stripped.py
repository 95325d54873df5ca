"""Is a skull-stripped image segmented as a whole? Segmenters that expect heads shrink its brain."""

from pathlib import Path

import numpy as np

from stages.segmenters.image import load
from stages.segmenters.protocol import Segmentation

BRAIN_ML = (300, 2200)  # with its CSF; heads have 2500 and more
COVERED = 0.8  # of what is left of a stripped image; digital phantoms: 0.44 to 0.70, whole: 0.9


def shrunken(path: Path, result: Segmentation) -> str | None:
    """Return a line if an image holds a brain alone, and its segmentation much less than that.

    What is above the smallest value of the image, its background, counts as the brain. A stripped
    image whose background is noise is not seen.

    Args:
        path: the image.
        result: its segmentation.
    """
    image = load(path)
    left_ml = volume_ml(image.data > image.data.min(), image.affine)
    found_ml = volume_ml(result.labels > 0, result.affine)
    if not BRAIN_ML[0] < left_ml < BRAIN_ML[1] or found_ml >= COVERED * left_ml:
        return None
    return (
        f"{path}: expected a whole head, got one of {left_ml:.0f} mL (skull-stripped?), of which"
        f" {found_ml:.0f} mL are segmented: volumes are too small; take the image before stripping"
    )


def volume_ml(inside: np.ndarray, matrix: np.ndarray) -> float:
    """Return the volume of voxels in millilitres."""
    return float(np.count_nonzero(inside) * abs(np.linalg.det(matrix[:3, :3])) / 1000)
