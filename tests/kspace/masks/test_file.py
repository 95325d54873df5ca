"""Masks that the user made."""

from pathlib import Path

import numpy as np
import pytest

from stages.kspace.masks.centre import disk
from stages.kspace.masks.file import mask_of
from stages.kspace.masks.protocol import Target
from stages.params.mask import MaskParams
from stages.study.errors import StudyError
from tests.fabricated import ROOT

SHAPE, N_ACQUIRED = (24, 20), 17
SCAN = "sub-e1s0P07"


def own_mask(seed: int = 0) -> np.ndarray:
    """Return a mask of 102 of the 408 acquired samples, all within 4 of zero frequency held."""
    mask = disk(SHAPE, 4)
    outside = np.flatnonzero(~mask & (np.arange(SHAPE[1]) < N_ACQUIRED))
    rng = np.random.default_rng(seed)
    mask.flat[rng.permutation(outside)[: 102 - mask.sum()]] = True
    return mask


def wanted(files: Path, scan: str | None = SCAN, **changes: object) -> np.ndarray:
    """Return the mask that the parameters give for a scan."""
    update = {"kind": "file", "files": str(files), "acceleration": 4.0} | changes
    params = MaskParams.load(ROOT / "params.yaml").model_copy(update=update)
    found = mask_of(params, Target(SHAPE, N_ACQUIRED, 0, scan))
    assert found.calibration[disk(SHAPE, 4)].all()
    assert found.acceleration_acquired == 4
    return found.mask


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float64])
def test_one_file_serves_all_scans(tmp_path: Path, kind: type) -> None:
    np.save(tmp_path / "mask.npy", own_mask().astype(kind))
    for scan in (SCAN, "sub-other", None):
        np.testing.assert_array_equal(wanted(tmp_path / "mask.npy", scan), own_mask())


@pytest.mark.parametrize("name", ["e1s0_P0.7.npy", "sub-e1s0P07.npy"])
def test_a_folder_holds_a_file_a_scan(tmp_path: Path, name: str) -> None:
    np.save(tmp_path / name, own_mask(1))
    np.save(tmp_path / "e1s0_P0.npy", own_mask(2))
    np.testing.assert_array_equal(wanted(tmp_path), own_mask(1))
    with pytest.raises(StudyError, match="expected the mask of sub-x, .* found none among 2 .npy"):
        wanted(tmp_path, "sub-x")


def test_two_files_of_a_scan(tmp_path: Path) -> None:
    for name in ("e1s0_P0.7.npy", "sub-e1s0P07.npy"):
        np.save(tmp_path / name, own_mask())
    with pytest.raises(StudyError, match="got e1s0_P0.7.npy and sub-e1s0P07.npy; remove all but"):
        wanted(tmp_path)
    np.testing.assert_array_equal(wanted(tmp_path, None), own_mask())


def changed(**changes: object) -> np.ndarray:
    """Return the mask with single samples changed, `row_column` by name."""
    mask = own_mask().astype(float)
    for place, value in changes.items():
        row, column = map(int, place.removeprefix("at").split("_"))
        mask[row, column] = value
    return mask


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (
            own_mask()[:, :18],
            r"expected a mask of 24 x 20, the matrix of sub-e1s0P07, got \(24, 18",
        ),
        (own_mask()[None], r"got \(1, 24, 20\) of bool; scans that differ"),
        (own_mask().astype(str), "of <U5; scans that differ"),
        (changed(at3_3=0.5), "expected masks of 0 and 1, got other values; write it again"),
        (changed(at3_3=np.nan), "expected masks of 0 and 1, got other values"),
        (changed(at3_18=1), "the 17 acquired kz columns alone .*, got 1 beyond them"),
        (changed(at12_10=0), "expected at least 9 samples .* zero frequency .12, 10., got 0"),
        (np.ones(SHAPE) * (np.arange(20) < 17), "acceleration 4 .acquired., .* got 1; correct"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, stored: np.ndarray, message: str) -> None:
    np.save(tmp_path / "mask.npy", stored)
    with pytest.raises(StudyError, match=message) as raised:
        wanted(tmp_path / "mask.npy")
    assert str(raised.value).startswith(str(tmp_path / "mask.npy"))
    assert "\n" not in str(raised.value)


def test_a_missing_and_a_damaged_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="expected a mask in numpy's format .*, found none"):
        wanted(tmp_path / "mask.npy")
    (tmp_path / "mask.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(StudyError, match="got a damaged file .*; write it again"):
        wanted(tmp_path / "mask.npy")
