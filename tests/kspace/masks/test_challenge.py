"""The challenge's masks against DIRECT's own reading of the same files."""

from pathlib import Path

import numpy as np
import pytest
from direct.common import subsample
from hypothesis import given
from hypothesis import strategies as st

from stages.kspace.masks.challenge import RADIUS, challenge_mask, disk, file_name
from stages.study.errors import StudyError

WIDTHS = (170, 174, 180)
N_MASKS = 3
ACQUIRED = {170: 145, 174: 148, 180: 153}


def fabricate(folder: Path, width: int, acceleration: int = 5, n_masks: int = N_MASKS) -> Path:
    """Write masks like the challenge's: random positions around a full disk, float64 0 and 1."""
    rng = np.random.default_rng([width, acceleration])
    masks = rng.random((n_masks, 218, width)) < 0.8 / acceleration
    masks |= disk((218, width), RADIUS)
    path = folder / f"R{acceleration}_218x{width}.npy"
    np.save(path, masks.astype(np.float64))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Masks for the three matrices of the challenge, in the folder that DIRECT caches them in."""
    path = tmp_path / "calgary_campinas_masks"
    path.mkdir()
    for width in WIDTHS:
        fabricate(path, width)
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_masks_and_disk_equal_directs(
    folder: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subsample, "DIRECT_CACHE_DIR", folder.parent)
    monkeypatch.setattr(subsample, "download_url", lambda *_, **__: None)
    theirs = subsample.CalgaryCampinasMaskFunc([5])
    shape = (218, width, 1)
    centre = theirs.mask_func(shape, return_acs=True).numpy()[0, ..., 0]
    masks = [theirs.masks[5][218, width][0][k] for k in range(N_MASKS)]
    drawn = theirs.mask_func(shape, seed=4).numpy()[0, ..., 0]
    assert any((drawn == mask).all() for mask in masks)
    for seed in range(2 * N_MASKS):
        ours = challenge_mask(folder, 5.0, (218, width), width, seed)
        np.testing.assert_array_equal(ours.mask, masks[seed % N_MASKS].astype(bool))
        np.testing.assert_array_equal(ours.calibration, centre)


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_that_were_not_acquired_are_dropped_and_counted(folder: Path, width: int) -> None:
    n_acquired = ACQUIRED[width]
    ours = challenge_mask(folder, 5.0, (218, width), n_acquired, 1)
    whole = np.load(folder / f"R5_218x{width}.npy")[1]
    assert not ours.mask[:, n_acquired:].any()
    np.testing.assert_array_equal(ours.mask[:, :n_acquired], whole[:, :n_acquired])
    n_sampled = whole[:, :n_acquired].sum()
    assert ours.acceleration_acquired == pytest.approx(218 * n_acquired / n_sampled)
    assert ours.acceleration_full == pytest.approx(218 * width / n_sampled)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 25))
def test_the_disk_is_that_of_direct(n_ky: int, n_kz: int, radius: int) -> None:
    theirs = subsample.CalgaryCampinasMaskFunc.circular_centered_mask((n_ky, n_kz), radius)
    np.testing.assert_array_equal(disk((n_ky, n_kz), radius), theirs[0, ..., 0])


@given(st.integers(0, 2**32 - 1))
def test_the_seed_alone_chooses(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "R5_218x170.npy"
    if not path.exists():
        fabricate(folder, 170)
    chosen = challenge_mask(folder, 5.0, (218, 170), 145, seed)
    again = challenge_mask(folder, 5.0, (218, 170), 145, seed + N_MASKS)
    np.testing.assert_array_equal(chosen.mask, again.mask)


@pytest.mark.parametrize(("acceleration", "number"), [(5.0, 5), (4.8, 5), (10.0, 10), (10.4, 10)])
def test_the_acceleration_picks_the_file(acceleration: float, number: int) -> None:
    assert file_name(acceleration, (218, 174)) == f"R{number}_218x174.npy"


def test_a_missing_file_names_those_that_are_there(folder: Path, tmp_path: Path) -> None:
    names = ", ".join(f"R5_218x{width}.npy" for width in WIDTHS)
    with pytest.raises(StudyError, match=rf"R10_218x170\.npy: expected .* holds {names}"):
        challenge_mask(folder, 10.0, (218, 170), 145, 0)
    with pytest.raises(StudyError, match=r"holds no masks"):
        challenge_mask(tmp_path / "nowhere", 5.0, (218, 170), 145, 0)


@pytest.mark.parametrize("kept", [0, 40, 100_000])
def test_a_damaged_file(folder: Path, kept: int) -> None:
    path = folder / "R5_218x170.npy"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(StudyError, match=r"R5_218x170\.npy: expected masks in numpy's format"):
        challenge_mask(folder, 5.0, (218, 170), 145, 0)


@pytest.mark.parametrize("shape", [(218, 170), (3, 218, 168), (0, 218, 170)])
def test_a_wrong_shape(folder: Path, shape: tuple[int, ...]) -> None:
    np.save(folder / "R5_218x170.npy", np.ones(shape))
    with pytest.raises(StudyError, match=r"expected masks of shape \(n, 218, 170\), got \("):
        challenge_mask(folder, 5.0, (218, 170), 145, 0)


@pytest.mark.parametrize("value", [0.5, 2, -1, np.nan])
def test_values_that_are_not_0_or_1(folder: Path, value: float) -> None:
    path = folder / "R5_218x170.npy"
    masks = np.load(path)
    masks[2, 0, 0] = value
    np.save(path, masks)
    with pytest.raises(StudyError, match="expected masks of 0 and 1, got other values in mask 2"):
        challenge_mask(folder, 5.0, (218, 170), 145, 2)


def test_a_hole_in_the_calibration_disk(folder: Path) -> None:
    path = folder / "R5_218x170.npy"
    masks = np.load(path)
    masks[0, 109 + RADIUS, 85] = masks[0, 109, 85 - RADIUS] = 0
    np.save(path, masks)
    with pytest.raises(StudyError, match="within 18 of the centre sampled, got 2 that mask 0"):
        challenge_mask(folder, 5.0, (218, 170), 145, 0)
