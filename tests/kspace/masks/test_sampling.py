"""Sampling masks and their files."""

from pathlib import Path

import numpy as np
import pytest

from stages.kspace.masks.sampling import SamplingMask, load_mask, save_mask
from stages.study.errors import StudyError


def test_the_same_mask_gives_the_same_bytes_and_reads_back(tmp_path: Path) -> None:
    y, z = np.indices((54, 42))
    disk = (y - 27) ** 2 + (z - 21) ** 2 < 36
    drawn = SamplingMask.of(disk | (np.random.default_rng(5).random(disk.shape) < 0.2), disk, 36)
    for name in ("a.npz", "b.npz"):
        save_mask(tmp_path / name, drawn)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    read = load_mask(tmp_path / "a.npz")
    np.testing.assert_array_equal(read.mask, drawn.mask)
    np.testing.assert_array_equal(read.calibration, drawn.calibration)
    assert read.acceleration_acquired == drawn.acceleration_acquired
    assert read.acceleration_full == drawn.acceleration_full


def test_calibration_outside_the_mask_is_refused() -> None:
    mask, calibration = np.zeros((2, 8, 8), dtype=bool)
    mask[0, 0] = calibration[4, 4] = True
    with pytest.raises(ValueError, match="calibration"):
        SamplingMask.of(mask, calibration, 8)


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"a\.npz: expected the scan's mask, found none"):
        load_mask(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_text("hello")
    with pytest.raises(StudyError, match=r"a\.npz: expected the scan.s mask, got a damaged file"):
        load_mask(tmp_path / "a.npz")
