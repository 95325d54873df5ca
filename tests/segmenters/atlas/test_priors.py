"""Building: shares against a loop, the mean and its mirror image, and the box of the brain."""

from pathlib import Path

import numpy as np
import pytest

from stages.segmenters.atlas.priors import atlas_of, brain_box, map_files, shares, symmetric_mean
from stages.segmenters.synthseg.heads import palette, tissue_ids
from stages.study.errors import StudyError
from tests.segmenters.atlas.fabricated import atlas_params
from tests.tolerances import assert_rounded


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_shares_are_what_a_loop_counts(factor: int) -> None:
    tissues = np.random.default_rng(0).integers(0, 4, (7, 6, 8)).astype(np.uint8)
    found = shares(tissues, factor, 4)
    assert found.shape == (7 // factor, 6 // factor, 8 // factor, 4)
    for index in np.ndindex(found.shape[:3]):
        block = tissues[tuple(slice(i * factor, (i + 1) * factor) for i in index)]
        expected = [np.mean(block == k) for k in range(4)]
        assert_rounded(found[index], expected, 2)  # a count, exact, divided


def test_the_mean_of_heads_and_their_mirror_images() -> None:
    left, right, middle = (tissue_ids().index(label) + 1 for label in (17, 53, 14))
    head = np.zeros((4, 2, 2, len(palette().signals)), np.float32)
    head[0, ..., left], head[3, ..., right], head[1, ..., middle] = 1.0, 0.5, 0.5
    found = symmetric_mean(iter([head, head]))
    assert found[0, 0, 0, [left, right, middle]].tolist() == [0.75, 0, 0]
    assert found[3, 0, 0, [left, right, middle]].tolist() == [0, 0.75, 0]
    assert found[1:3, 0, 0, middle].tolist() == [0.25, 0.25]
    np.testing.assert_array_equal(found, found[::-1][..., palette().mirrored])


def test_maps_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"none-there: expected the folder of SynthSeg's label"):
        map_files(atlas_params(label_maps=str(tmp_path / "none-there")))
    with pytest.raises(StudyError, match="label_maps or n_heads above 0"):
        atlas_of(atlas_params(label_maps=None))


def test_maps_that_are_left_out_are_not_averaged(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "b.nii.gz", "c.mgz"):
        (tmp_path / name).touch()
    params = atlas_params(label_maps=str(tmp_path), left_out=("b.nii.gz",))
    assert [path.name for path in map_files(params)] == ["a.nii.gz", "c.mgz"]


def test_the_box_holds_the_brain_and_its_margin() -> None:
    average = np.zeros((12, 10, 8, 3), np.float32)
    average[4:7, 2:5, 1:8, 2] = 0.5
    average[0, 0, 0, 1] = 1.0  # not of the brain
    box = brain_box(average, np.array([False, False, True]), 2)
    assert box == (slice(2, 9), slice(0, 7), slice(0, 8))
