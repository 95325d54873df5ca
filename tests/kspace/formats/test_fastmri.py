"""Reading files of fastMRI: what the header says and what the parameters must state."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from stages.kspace.formats.catalogue import FORMATS, open_scan
from stages.kspace.formats.protocol import ScanFormat
from stages.study.errors import StudyError
from tests.kspace.formats.test_same_scan import FASTMRI, MRD, coil_images
from tests.kspace.formats.writers import Options, write_fastmri, write_mrd
from tests.scans import GRID, N_COILS, fabricate_scan


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a scan with an oversampled readout."""
    write_fastmri(tmp_path / "a.h5", coil_images(GRID), oversampling=2)
    return tmp_path / "a.h5"


def test_voxels_in_the_plane_come_from_the_file(path: Path) -> None:
    scan = open_scan(path, FASTMRI)
    np.testing.assert_allclose(scan.geometry.voxel_size_mm, (5.0, 0.7, 0.8), rtol=1e-6)
    assert scan.geometry.axis_codes == "SAR"
    assert "slices are taken to touch, 5 mm apart" in scan.geometry.notes[0]


def test_the_distance_of_slices_can_be_stated(path: Path) -> None:
    scan = open_scan(path, replace(FASTMRI, voxel_size_mm=(6.5, None, None)))
    np.testing.assert_allclose(scan.geometry.voxel_size_mm, (6.5, 0.7, 0.8), rtol=1e-6)
    assert scan.geometry.notes == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_coils": 8}, f"expected data.n_coils 8, got {N_COILS} in the file"),
        (
            {"voxel_size_mm": (None, None, 0.9)},
            r"expected data.voxel_size_mm \(kz\) 0.9, got 0.8 in the file; set data.voxel_size_mm"
            r" \(kz\) to null",
        ),
        ({"axis_codes": None}, "expected data.axis_codes in the parameters, as the file does not"),
        ({"partial_fourier": 0.75}, "expected data.partial_fourier 0.75, got 1 in the file"),
    ],
)
def test_parameters_and_file_agree(path: Path, change: dict, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        open_scan(path, replace(FASTMRI, **change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axis_codes": "SAR"}, "expected data.axis_codes SAR, got LPS in the file"),
        ({"n_coils": 8}, "expected data.n_coils 8, got 4 in the file"),
    ],
)
def test_parameters_and_mrd_file_agree(change: dict, message: str, tmp_path: Path) -> None:
    write_mrd(tmp_path / "a.h5", coil_images(GRID), Options(), planar=False)
    with pytest.raises(StudyError, match=message):
        open_scan(tmp_path / "a.h5", replace(MRD, **change))


def test_calgary_campinas_states_what_its_files_do_not_say(tmp_path: Path) -> None:
    fabricate_scan(tmp_path / "a.h5")
    sizes = (1.0, None, 1.0)
    for layout, key in (
        (ScanFormat(N_COILS, 0.85, sizes), r"voxel_size_mm \(ky\)"),
        (ScanFormat(N_COILS, 0.85, axis_codes=None), "axis_codes"),
        (ScanFormat(N_COILS), "partial_fourier"),
    ):
        with pytest.raises(StudyError, match=f"expected data.{key} in the parameters"):
            open_scan(tmp_path / "a.h5", layout)
    assert open_scan(tmp_path / "a.h5", ScanFormat(None, 0.85)).n_coils == N_COILS


def test_a_matrix_that_is_larger_than_the_header_says_is_read_as_it_is(path: Path) -> None:
    # as M4Raw pads its lines
    with h5py.File(path, "r+") as file:
        kspace = np.pad(file["kspace"][:], [(0, 0), (0, 0), (0, 0), (3, 3)])
        del file["kspace"]
        file["kspace"] = kspace
    scan = open_scan(path, replace(FASTMRI, acquired="nonzero"))
    assert (scan.n_kz, scan.n_acquired) == (GRID[2] + 6, GRID[2] + 6)
    held = np.arange(scan.n_kz)
    np.testing.assert_array_equal(scan.acquired[0], (held >= 3) & (held < GRID[2] + 3))


@pytest.mark.parametrize("asked", FORMATS)
def test_another_format_is_recognised(asked: str, tmp_path: Path) -> None:
    images = coil_images(GRID)
    fabricate_scan(tmp_path / "calgary_campinas.h5")
    write_fastmri(tmp_path / "fastmri.h5", images)
    write_mrd(tmp_path / "ismrmrd.h5", images, Options(), planar=False)
    layout = ScanFormat(None, 0.85, format=asked)
    for other in set(FORMATS) - {asked}:
        with pytest.raises(StudyError, match=f"set data.format: {other}$"):
            open_scan(tmp_path / f"{other}.h5", layout)
