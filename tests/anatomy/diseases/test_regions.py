"""Parts of label maps."""

import numpy as np

from stages.anatomy.diseases.regions import box


def test_box_is_clipped_and_empty_for_nothing() -> None:
    mask = np.zeros((9, 9, 9), bool)
    assert mask[box(mask, 2)].size == 0
    mask[1, 4, 8] = True
    assert mask[box(mask, 2)].shape == (4, 5, 3)
