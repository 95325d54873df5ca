"""Masks of scans that were not acquired everywhere: accelerations over what was acquired."""

from pathlib import Path

import numpy as np
import pytest

from stages.kspace.masks.acquired import within_region
from stages.kspace.masks.catalogue import chosen
from stages.kspace.masks.protocol import Target
from stages.kspace.masks.sampling import SamplingMask, load_mask, save_mask
from stages.kspace.region import elliptical
from stages.params.mask import MaskParams
from stages.study.errors import StudyError

MATRIX, N_ACQUIRED = (108, 84), 72
TARGET = Target(MATRIX, N_ACQUIRED, seed=0)
ROWS = np.arange(108)
EVERY_SECOND = np.broadcast_to(((ROWS % 2 == 0) | (abs(ROWS - 54) < 12))[:, None], MATRIX)
REGIONS = {
    "ellipse": elliptical(MATRIX),
    "every second row": EVERY_SECOND,
    "the first rows": np.broadcast_to((ROWS >= 27)[:, None], MATRIX),
}


def params(**changes: object) -> MaskParams:
    return MaskParams.load().model_copy(update=changes)


def drawn(region: np.ndarray, options: MaskParams) -> SamplingMask:
    return within_region(lambda asked: chosen(asked).mask(asked, TARGET), options, region)


@pytest.mark.parametrize("of", ["acquired", "full"])
@pytest.mark.parametrize("name", REGIONS)
def test_the_acceleration_is_that_of_the_acquired_positions(name: str, of: str) -> None:
    region, options = REGIONS[name], params(acceleration_of=of)
    found = drawn(region, options)
    acquired = region & (np.arange(84) < N_ACQUIRED)
    assert not (found.mask & ~acquired).any()
    counted = {"acquired": acquired.sum(), "full": acquired.size}
    for one, n_positions in counted.items():
        assert found.acceleration(one) == n_positions / found.mask.sum()
    assert found.acceleration(of) == pytest.approx(5.0, rel=options.uniform_poisson.tolerance)
    np.testing.assert_array_equal(found.acquired, acquired)


def test_masks_of_whole_columns_stay_as_they_are() -> None:
    options = params()
    plain = chosen(options).mask(options, TARGET)
    columns = np.broadcast_to(np.arange(84) < N_ACQUIRED, MATRIX)
    found = drawn(columns, options)
    np.testing.assert_array_equal(found.mask, plain.mask)
    assert found.region is None
    assert found.acquired.shape == (1, 84)


def test_a_region_reads_back(tmp_path: Path) -> None:
    found = drawn(REGIONS["ellipse"], params())
    save_mask(tmp_path / "a.npz", found)
    read = load_mask(tmp_path / "a.npz")
    np.testing.assert_array_equal(read.region, found.region)
    assert read.n_acquired == N_ACQUIRED
    with np.load(tmp_path / "a.npz") as parts:
        arrays = dict(parts)
    arrays["region"] = np.zeros_like(arrays["region"])
    with open(tmp_path / "b.npz", "wb") as stream:
        np.savez_compressed(stream, **arrays)
    with pytest.raises(StudyError, match="kept that were not acquired"):
        load_mask(tmp_path / "b.npz")


def test_the_closest_of_what_can_be_drawn() -> None:
    disk = np.hypot(*np.ogrid[-54:54, -42:42]) < 20
    near, far = (
        SamplingMask.of(disk | (np.random.default_rng(0).random(MATRIX) < p), disk, N_ACQUIRED)
        for p in (0.1, 0.6)
    )
    masks = iter([far, near])

    def draw(_: MaskParams) -> SamplingMask:
        if (mask := next(masks, None)) is None:
            raise StudyError("mask: no such acceleration")
        return mask

    found = within_region(draw, params(), EVERY_SECOND)
    np.testing.assert_array_equal(found.mask, near.within(EVERY_SECOND).mask)


def test_masks_from_files_are_what_they_are() -> None:
    disk = np.hypot(*np.ogrid[-54:54, -42:42]) < 20
    masks = iter([SamplingMask.of(disk, disk, N_ACQUIRED)])  # one alone
    found = within_region(lambda _: next(masks), params(files="masks"), EVERY_SECOND)
    np.testing.assert_array_equal(found.mask, disk & EVERY_SECOND & (np.arange(84) < N_ACQUIRED))
