"""A skull-stripped image of which little is segmented is named; heads and whole brains are not."""

from pathlib import Path

import numpy as np
import pytest

from stages.segmenters.protocol import Segmentation
from stages.segmenters.stripped import shrunken
from stages.storage.nifti import affine, save_volume

GRID, SIZE = (60, 66, 56), (3.0, 3.0, 3.0)


def ball(radius_mm: float) -> np.ndarray:
    """Return the voxels within a distance of the middle."""
    axes = ((np.arange(n) - n // 2) * 3.0 for n in GRID)
    return sum(x**2 for x in np.meshgrid(*axes, indexing="ij")) < radius_mm**2


@pytest.mark.parametrize(
    ("head_mm", "brain_mm", "background", "warned"),
    [
        (72, 70, 0.0, False),  # 1.5 litres, all but the rim of it
        (72, 56, 0.0, True),  # half of it
        (72, 56, -1000.0, True),
        (82, 50, 0.0, False),  # a head
    ],
)
def test_a_brain_that_shrinks(
    head_mm: float, brain_mm: float, background: float, warned: bool, tmp_path: Path
) -> None:
    matrix = affine(GRID, SIZE, "SAR")
    save_volume(tmp_path / "a.nii.gz", np.where(ball(head_mm), 900.0, background), matrix)
    found = Segmentation(ball(brain_mm).astype(np.int32), matrix, np.zeros(1))
    line = shrunken(tmp_path / "a.nii.gz", found)
    assert (line is not None) == warned
    if line:
        stated = [float(word) for word in line.split() if word.replace(".", "").isdigit()]
        volumes = [4 / 3 * np.pi * r**3 / 1000 for r in (head_mm, brain_mm)]
        assert stated == pytest.approx(volumes, rel=0.03)  # voxels of 3 mm


def test_noise_around_the_head_is_no_brain(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random(GRID) + ball(72)
    matrix = affine(GRID, SIZE, "SAR")
    save_volume(tmp_path / "a.nii.gz", noise, matrix)
    nothing = Segmentation(np.zeros(GRID, np.int32), matrix, np.zeros(1))
    assert shrunken(tmp_path / "a.nii.gz", nothing) is None
