"""Reading and writing Calgary-Campinas files."""

import fcntl
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from direct.data.datasets import CalgaryCampinasDataset

from stages.kspace.formats.catalogue import find_scans, left_out, list_scans, open_scan, write_scan
from stages.kspace.formats.protocol import ScanFormat
from stages.kspace.formats.stored_scan import complex_to_interleaved, interleaved_to_complex
from stages.storage.nifti import subject
from stages.study.errors import StudyError
from tests.scans import GRID, N_COILS, PARTIAL_FOURIER, fabricate_scan, toy_kspace

FORMAT = ScanFormat(N_COILS, PARTIAL_FOURIER)


def write(path: Path, data: np.ndarray, name: str = "kspace") -> Path:
    with h5py.File(path, "w") as file:
        file[name] = data
    return path


def test_a_written_scan_reads_back(tmp_path: Path) -> None:
    kspace = fabricate_scan(tmp_path / "a.h5")
    scan = open_scan(tmp_path / "a.h5", FORMAT)
    assert scan.shape == GRID
    np.testing.assert_array_equal(scan.read(), kspace)


def test_batches_are_the_scan(tmp_path: Path) -> None:
    kspace = fabricate_scan(tmp_path / "a.h5")
    batches = list(open_scan(tmp_path / "a.h5", FORMAT).batches(4))
    assert [start for start, _ in batches] == [0, 4]
    np.testing.assert_array_equal(np.concatenate([part for _, part in batches]), kspace)


def test_stored_batches_are_the_file(tmp_path: Path) -> None:
    fabricate_scan(tmp_path / "a.h5", partial_fourier=1.0)
    with h5py.File(tmp_path / "a.h5") as file:
        stored = file["kspace"][:]
    batches = list(open_scan(tmp_path / "a.h5", FORMAT).stored_batches(4))
    assert [start for start, _ in batches] == [0, 4]
    np.testing.assert_array_equal(np.concatenate([part for _, part in batches]), stored)


def test_parts_are_interleaved_in_the_file(tmp_path: Path) -> None:
    kspace = fabricate_scan(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        stored = file["kspace"][:]
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored[..., 2], kspace[:, 1].real)
    np.testing.assert_array_equal(stored[..., 3], kspace[:, 1].imag)


def test_the_same_scan_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        write_scan(tmp_path / name, toy_kspace())
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_interleaving_is_undone(rng_kspace: np.ndarray) -> None:
    np.testing.assert_array_equal(
        interleaved_to_complex(complex_to_interleaved(rng_kspace)), rng_kspace
    )


@pytest.mark.parametrize("n_kz", [20, 21, 84, 170])
def test_direct_reads_the_same(tmp_path: Path, n_kz: int) -> None:
    # columns that partial Fourier leaves out hold values here: both readers must drop the same ones
    fabricate_scan(tmp_path / "a.h5", grid=(2, 8, n_kz), partial_fourier=1.0)
    theirs = CalgaryCampinasDataset(tmp_path)
    ours = open_scan(tmp_path / "a.h5", FORMAT).read()
    for index in range(2):
        np.testing.assert_array_equal(theirs[index]["kspace"], ours[index])


def test_scans_are_sorted_by_name(tmp_path: Path) -> None:
    for name in ("c.h5", "a.h5", "b.h5"):
        fabricate_scan(tmp_path / name, grid=(2, 8, 8))
    (tmp_path / "notes.txt").write_text("not a scan")
    assert [scan.path.name for scan in list_scans(tmp_path, FORMAT)] == ["a.h5", "b.h5", "c.h5"]


@pytest.mark.parametrize("files", [("c.h5", "a.h5"), ("a.h5", "c.h5")])
def test_only_listed_scans_sorted_by_name(tmp_path: Path, files: tuple[str, ...]) -> None:
    for name in ("c.h5", "a.h5", "b.h5"):
        fabricate_scan(tmp_path / name, grid=(2, 8, 8))
    (tmp_path / "b.h5").write_text("not read")
    assert [s.path.name for s in list_scans(tmp_path, FORMAT, files)] == ["a.h5", "c.h5"]


WRONG_LISTS = {
    ("a.h5", "x.h5"): "'x.h5' in its list of files: expected such a scan, found none",
    ("a.h5", "a.h5"): "'a.h5' in its list of files: expected each name once, got it 2 times",
    ("sub/a.h5",): "'sub/a.h5' in its list of files: expected a name without a folder",
    ("../a.h5",): "'../a.h5' in its list of files: expected a name without a folder",
    ("a",): "'a' in its list of files: expected a name that ends in .h5 or .hdf5",
    ("",): "'' in its list of files: expected a name that ends in .h5 or .hdf5",
    (): "expected at least one name in its list of files, got none",
}


@pytest.mark.parametrize(("files", "message"), WRONG_LISTS.items())
def test_wrong_lists(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    fabricate_scan(tmp_path / "a.h5", grid=(2, 8, 8))
    with pytest.raises(StudyError) as raised:
        list_scans(tmp_path, FORMAT, files)
    assert str(raised.value).startswith(str(tmp_path))
    assert message in str(raised.value)


def test_every_wrong_name_is_told_and_the_others_are_found(tmp_path: Path) -> None:
    fabricate_scan(tmp_path / "a.h5", grid=(2, 8, 8))
    files = ("y.h5", "a.h5", "x.h5", "a.h5", "../a.h5")
    paths, faults = find_scans(tmp_path, files)
    assert paths == [tmp_path / "a.h5"]
    assert len(faults) == 4
    for name, line in zip(("../a.h5", "a.h5", "x.h5", "y.h5"), faults, strict=True):
        assert line.startswith(f"{tmp_path}: '{name}' in its list of files")


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="expected a folder of h5 scans"):
        list_scans(tmp_path / "none", FORMAT)


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="found an empty folder"):
        list_scans(tmp_path, FORMAT)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"a\.h5: expected an h5 scan, found none"):
        open_scan(tmp_path / "a.h5", FORMAT)


def test_not_h5(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_text("hello")
    with pytest.raises(StudyError, match=r"a\.h5: .* truncated or not h5"):
        open_scan(tmp_path / "a.h5", FORMAT)


@pytest.mark.parametrize("kept", [0.1, 0.6, 0.99])
def test_truncated_h5(tmp_path: Path, kept: float) -> None:
    fabricate_scan(tmp_path / "whole.h5")
    content = (tmp_path / "whole.h5").read_bytes()
    (tmp_path / "a.h5").write_bytes(content[: int(kept * len(content))])
    with pytest.raises(StudyError, match=r"a\.h5: .*copy"):
        open_scan(tmp_path / "a.h5", FORMAT).read()


def test_no_kspace(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", np.zeros(3), "reconstruction")
    with pytest.raises(StudyError, match=r"expected a dataset 'kspace', found reconstruction"):
        open_scan(path, FORMAT)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((4, 8, 8), np.float32), "expected kspace of shape"),
        (np.zeros((0, 8, 8, 8), np.float32), "expected kspace of shape"),
        (np.zeros((2, 8, 8, 7), np.float32), r"expected 8 channels .* got 7"),
        (np.zeros((2, 8, 8, 24), np.float32), r"expected 8 channels .* got 24"),
        (np.zeros((2, 8, 8, 8), np.int16), "expected float32 .* got int16"),
        (np.zeros((2, 8, 8, 8), np.complex64), "expected float32 .* got complex64"),
        (np.zeros((2, 8, 8, 8), np.float64), "expected float32 .* got float64"),
        (np.zeros((2, 8, 8, 8), np.float16), "expected float32 .* got float16"),
    ],
)
def test_wrong_layout(tmp_path: Path, data: np.ndarray, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        open_scan(write(tmp_path / "a.h5", data), FORMAT)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite(tmp_path: Path, bad: float) -> None:
    kspace = toy_kspace()
    kspace[3, 1, 5, 7] = bad
    write_scan(tmp_path / "a.h5", kspace)
    scan = open_scan(tmp_path / "a.h5", FORMAT)
    with pytest.raises(StudyError, match="NaN or infinity in slice 3"):
        scan.read()
    with pytest.raises(StudyError, match="NaN or infinity in slice 3"):
        list(scan.batches(2))
    assert np.isfinite(scan.read(0, 3)).all()


ROWS = np.arange(GRID[1])[:, None] % 5 > 0  # that a scanner may have left out


@pytest.mark.parametrize("acquired", ["columns", "ellipse", "nonzero"])
def test_which_positions_were_acquired(tmp_path: Path, acquired: str) -> None:
    kspace = toy_kspace(partial_fourier=1.0)
    write_scan(tmp_path / "a.h5", kspace * ROWS)
    scan = open_scan(tmp_path / "a.h5", replace(FORMAT, acquired=acquired))
    y, z = (np.arange(n) - n // 2 for n in GRID[1:])
    inside = (y[:, None] / (GRID[1] / 2)) ** 2 + (z / (GRID[2] / 2)) ** 2 <= 1
    region = {"columns": True, "nonzero": ROWS, "ellipse": ROWS & inside}[acquired]
    expected = np.broadcast_to(region & (np.arange(GRID[2]) < scan.n_acquired), GRID[1:])
    np.testing.assert_array_equal(scan.acquired, expected)
    np.testing.assert_array_equal(scan.read(), kspace * ROWS * expected)


@pytest.mark.parametrize("grid", [GRID, (6, 25, 21)])
def test_a_centred_transform_reads_as_the_same_scan(
    tmp_path: Path, grid: tuple[int, int, int]
) -> None:
    kspace = toy_kspace(grid)
    images = np.fft.ifft2(np.fft.ifftshift(kspace, axes=(2, 3)))
    turned = np.fft.fft2(np.fft.ifftshift(images, axes=(2, 3)))
    write_scan(tmp_path / "a.h5", np.fft.fftshift(turned, axes=(2, 3)))
    found = open_scan(tmp_path / "a.h5", replace(FORMAT, centred_transform=True)).read()
    # in complex64: two transforms in float64, rounded once, and a factor that is rounded
    assert np.abs(found - kspace).max() < 4 * np.finfo(np.float32).eps * np.abs(kspace).max()


def test_a_file_that_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HDF5_USE_FILE_LOCKING", raising=False)
    fabricate_scan(tmp_path / "a.h5")
    with open(tmp_path / "a.h5", "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(StudyError, match=r"a\.h5: .*set HDF5_USE_FILE_LOCKING=FALSE") as raised:
            open_scan(tmp_path / "a.h5", FORMAT)
    assert "copy" not in str(raised.value)


def test_names_in_capital_letters(tmp_path: Path) -> None:
    for name in ("b.h5", "UPPER.H5", "c.HDF5"):
        fabricate_scan(tmp_path / name, grid=(2, 8, 8))
    for name in ("notes.txt", ".hidden", "d.mat"):
        (tmp_path / name).touch()
    scans = list_scans(tmp_path, FORMAT)
    assert [scan.path.name for scan in scans] == ["UPPER.H5", "b.h5", "c.HDF5"]
    assert list_scans(tmp_path, FORMAT, ("UPPER.H5",))[0].path.name == "UPPER.H5"
    assert [subject(scan.path) for scan in scans] == ["sub-UPPER", "sub-b", "sub-c"]
    (line,) = left_out(tmp_path)
    assert line.startswith(f"{tmp_path}: left out d.mat, notes.txt: scans end in")
    assert left_out(tmp_path, ("b.h5",)) == []
