"""The challenge's masks: fabricated as the official files are, and DIRECT's own reading of them."""

from pathlib import Path

import numpy as np
import pytest
from direct.common import subsample
from hypothesis import given
from hypothesis import strategies as st

from stages.kspace.masks.centre import disk
from stages.kspace.masks.challenge import RADIUS, challenge_mask, file_name
from stages.study.errors import StudyError

WIDTHS = (170, 174, 180)
N_MASKS = 3
N_CENTRE = 1005  # samples of every official mask's disk
ACQUIRED = {170: 145, 174: 148, 180: 153}
OFF_CENTRE = {170: (108, 84)}  # of R5_218x170.npy; all others: (109, width / 2)
DENSITY = {5: 0.174, 10: 0.070}  # outside the disk


def fabricate(folder: Path, width: int, acceleration: int = 5, n_masks: int = N_MASKS) -> Path:
    """Write masks like the official ones: a disk of distances below 18, constant density around."""
    rng = np.random.default_rng([width, acceleration])
    masks = rng.random((n_masks, 218, width)) < DENSITY[acceleration]
    y, z = OFF_CENTRE.get(width, (109, width // 2)) if acceleration == 5 else (109, width // 2)
    rows, columns = np.indices((218, width))
    masks[:, np.hypot(rows - y, columns - z) < 18] = True
    masks[:, :, ACQUIRED[width] :] = False
    path = folder / f"R{acceleration}_218x{width}.npy"
    np.save(path, masks)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Masks for the three matrices of the challenge, in the folder that DIRECT caches them in."""
    path = tmp_path / "calgary_campinas_masks"
    path.mkdir()
    for width in WIDTHS:
        for acceleration in DENSITY:
            fabricate(path, width, acceleration)
    return path


@pytest.mark.parametrize("acceleration", DENSITY)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_official_mask_is_accepted(folder: Path, width: int, acceleration: int) -> None:
    rows, columns = np.indices((218, width))
    y, z = OFF_CENTRE.get(width, (109, width // 2)) if acceleration == 5 else (109, width // 2)
    stored = np.load(folder / f"R{acceleration}_218x{width}.npy")
    for number in range(N_MASKS):
        ours = challenge_mask(folder, acceleration, (218, width), ACQUIRED[width], number)
        np.testing.assert_array_equal(ours.mask, stored[number])
        expected = np.hypot(rows - y, columns - z) < 18
        np.testing.assert_array_equal(ours.calibration, expected)
        assert ours.calibration.sum() == N_CENTRE
        n_acquired = 218 * ACQUIRED[width]
        assert ours.acceleration_acquired == n_acquired / stored[number].sum()


@pytest.mark.parametrize("width", WIDTHS)
def test_masks_equal_directs(folder: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subsample, "DIRECT_CACHE_DIR", folder.parent)
    monkeypatch.setattr(subsample, "download_url", lambda *_, **__: None)
    theirs = subsample.CalgaryCampinasMaskFunc([5])
    centre = theirs.mask_func((218, width, 1), return_acs=True).numpy()[0, ..., 0].astype(bool)
    masks = [theirs.masks[5][218, width][0][k] for k in range(N_MASKS)]
    for seed in range(2 * N_MASKS):
        ours = challenge_mask(folder, 5.0, (218, width), width, seed)
        np.testing.assert_array_equal(ours.mask, masks[seed % N_MASKS].astype(bool))
        if width not in OFF_CENTRE:  # DIRECT's disk holds its rim, which the masks do not sample
            assert not (ours.calibration & ~centre).any()
            assert not (centre & ours.mask & ~ours.calibration).sum() > 12


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_that_were_not_acquired_are_dropped_and_counted(folder: Path, width: int) -> None:
    path = folder / f"R5_218x{width}.npy"
    whole = np.load(path)
    whole[:, :, -1] = True
    np.save(path, whole.astype(np.float64))
    n_acquired = ACQUIRED[width]
    ours = challenge_mask(folder, 5.0, (218, width), n_acquired, 1)
    assert not ours.mask[:, n_acquired:].any()
    np.testing.assert_array_equal(ours.mask[:, :n_acquired], whole[1][:, :n_acquired])
    n_sampled = whole[1][:, :n_acquired].sum()
    assert ours.acceleration_acquired == pytest.approx(218 * n_acquired / n_sampled)
    assert ours.acceleration_full == pytest.approx(218 * width / n_sampled)


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
    names = ", ".join(f"R{r}_218x{width}.npy" for r in (10, 5) for width in WIDTHS)
    with pytest.raises(StudyError, match=rf"R8_218x170\.npy: expected .* holds {names}"):
        challenge_mask(folder, 8.0, (218, 170), 145, 0)
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
    masks = np.load(path).astype(float)
    masks[2, 0, 0] = value
    np.save(path, masks)
    with pytest.raises(StudyError, match="expected masks of 0 and 1, got other values in mask 2"):
        challenge_mask(folder, 5.0, (218, 170), 145, 2)


def test_a_hole_in_the_calibration_disk(folder: Path) -> None:
    path = folder / "R5_218x174.npy"
    masks = np.load(path)
    masks[0, 109, 87] = masks[0, 109, 87 + RADIUS - 1] = False
    np.save(path, masks)
    with pytest.raises(StudyError, match="nearer than 18 to the centre, got 2 that mask 0 leaves"):
        challenge_mask(folder, 5.0, (218, 174), 148, 0)
    assert disk((218, 174), RADIUS).sum() == N_CENTRE
