"""Subsets and other masks."""

import numpy as np
import pytest

from stages.kspace.masks.sampling import load_mask, save_mask
from stages.recon.draws import masks, subsets
from stages.recon.draws.subsets import part_of
from stages.study.errors import StudyError
from tests.scans import write_toy_params


def test_a_subset_keeps_the_calibration_region_and_a_fraction_of_the_rest(take, tmp_path) -> None:
    one = take("subsets", kept=0.7)
    found = subsets.measure(one).mask
    outside = one.mask.mask & ~one.mask.calibration
    assert (found.mask & one.mask.calibration).sum() == one.mask.calibration.sum()
    assert not (found.mask & ~one.mask.mask).any()
    assert (found.mask & outside).sum() == round(0.7 * outside.sum())
    other = subsets.measure(take("subsets", member=1, kept=0.7)).mask
    assert (other.mask != found.mask).any()
    save_mask(tmp_path / "mask.npz", found)  # its accelerations agree with its samples
    assert (load_mask(tmp_path / "mask.npz").mask == found.mask).all()


def test_every_sample_is_kept_equally_often(take) -> None:
    mask, rng, n = take("subsets").mask, np.random.default_rng(0), 400
    counts = sum(part_of(mask, 0.5, rng).mask.astype(int) for _ in range(n))
    outside = counts[mask.mask & ~mask.calibration]
    assert np.abs(outside / n - 0.5).max() < 5 * 0.5 / np.sqrt(n)


def test_other_masks_are_of_the_same_kind_and_acceleration(take, tmp_path) -> None:
    write_toy_params(tmp_path, **{"mask.kind": "random"})
    found = [masks.measure(take("masks", member=m)).mask for m in (0, 1)]
    assert (found[0].mask != found[1].mask).any()
    assert found[0].acceleration_acquired == found[1].acceleration_acquired
    assert found[0].acceleration_acquired == pytest.approx(3.0, abs=3.0**2 / (24 * 0.85))  # a line
    again = masks.measure(take("masks")).mask
    assert (again.mask == found[0].mask).all()


def test_masks_that_are_read_are_refused(take, tmp_path) -> None:
    write_toy_params(tmp_path, **{"mask.kind": "file", "mask.files": "masks"})
    with pytest.raises(StudyError, match=r"'draws.mine': expected a kind of masks that are drawn"):
        masks.measure(take("masks"))
