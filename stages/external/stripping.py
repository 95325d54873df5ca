"""Whether an image holds a brain alone: BIDS wants to know, and files from elsewhere rarely say."""

import numpy as np

from stages.segmenters.stripped import BRAIN_ML, volume_ml


def skull_stripped(data: np.ndarray, affine: np.ndarray) -> bool:
    """Return whether what is above an image's smallest value, its background, is of a brain's size.

    A stripped image whose background is noise is not seen.

    Args:
        data: (i, j, k).
        affine: (4, 4) voxel to world, mm.
    """
    return BRAIN_ML[0] < volume_ml(data > data.min(), affine) < BRAIN_ML[1]
