"""Planes of a scan: their orientation, and which are shown."""

import numpy as np
import pytest

from stages.figures.kit.planes import best_slice, ras_voxel_size, to_ras
from stages.storage.nifti import affine


@pytest.mark.parametrize("codes", ["SAR", "IPL", "RAS", "ASL"])
def test_volumes_turn_to_right_anterior_superior(codes):
    matrix = affine((4, 5, 6), (2.0, 3.0, 4.0), codes)
    world = np.stack(np.meshgrid(*map(np.arange, (4, 5, 6)), indexing="ij"), axis=-1)
    world = world @ matrix[:3, :3].T
    for axis in range(3):
        turned = to_ras(world[..., axis], matrix)
        assert (np.diff(turned, axis=axis) > 0).all()
    steps = [np.diff(to_ras(world[..., k], matrix), axis=k).mean() for k in range(3)]
    assert ras_voxel_size(matrix) == pytest.approx(steps)


def test_best_slice_shows_most_of_the_deep_structures():
    labels = np.zeros((5, 5, 6), dtype=int)
    labels[:, :, 1] = 2
    labels[1:3, 1, 4] = 10
    assert best_slice(labels) == 4
    assert best_slice(np.zeros((5, 5, 6), dtype=int)) == 3
