"""Scans that are simulated from magnitude images."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from stages import phantom
from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import ScanFormat
from stages.params.phantom import PhantomParams
from stages.scanner.magnitude_images import in_field_of_view, read_image
from stages.study.errors import StudyError
from tests import own_scans
from tests.fabricated import ROOT
from tests.test_phantom import write_params

CHANGE = {
    "label_maps": None,
    "images": "images",
    "grid": [24, 28, 22],
    "voxel_size_mm": 4.0,
    "snr": 1000.0,
    "partial_fourier": 1.0,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a study of three magnitude images."""
    monkeypatch.chdir(tmp_path)
    own_scans.magnitude_images(tmp_path / "images", 1.0)
    write_params(tmp_path, **CHANGE)
    return tmp_path


def test_the_reconstruction_is_the_image_seen_by_the_coils(folder: Path) -> None:
    phantom.main()
    layout = ScanFormat(4, 1.0, (4.0, 4.0, 4.0))
    (scan,) = list_scans(folder / "work/phantom/validation", layout)
    assert scan.path.name == "2_T1w.h5"
    found = np.concatenate([rss_image(kspace) for _, kspace in scan.batches()])
    params = PhantomParams.load()
    path = folder / "images/sub-2_T1w.nii.gz"
    fine = in_field_of_view(read_image(path), params, path)
    expected = ndimage.uniform_filter(fine, 4)[::4, ::4, ::4]
    # what the coils shade and their noise, one part in a thousand, are all that differ
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9
    assert not list((folder / "work/phantom/truth").glob("*.json"))


def test_the_cohort_does_not_depend_on_the_number_of_processes(folder: Path) -> None:
    phantom.main()
    scans = sorted((folder / "work/phantom").glob("*/*.h5"))
    before = {path: path.read_bytes() for path in scans}
    assert len(before) == 3
    write_params(folder, processes=2, **CHANGE)
    phantom.main()
    assert {path: path.read_bytes() for path in scans} == before


def test_an_image_of_1_mm_is_turned_and_not_resampled(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).random((20, 24, 28)).astype(np.float32)
    nib.save(nib.Nifti1Image(voxels, np.diag([-1.0, 1, 1, 1])), tmp_path / "a.nii.gz")
    found = read_image(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(found, np.transpose(voxels[::-1], (2, 1, 0)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_validation": 2}, "images: expected a folder of at least 4 images"),
        ({"images": "nowhere"}, "nowhere: expected a folder of at least 3 images"),
        ({"label_maps": "maps"}, "expected images without label_maps"),
        ({"grid": [10, 12, 10]}, "expected the head within phantom.grid"),
    ],
)
def test_what_is_refused(
    change: dict, message: str, folder: Path, capsys: pytest.CaptureFixture
) -> None:
    write_params(folder, **CHANGE | change)
    with pytest.raises(SystemExit) as stopped:
        phantom.main()
    assert stopped.value.code == 1
    assert message in capsys.readouterr().err
    assert not (folder / "work/phantom").exists()


def test_names_that_make_one_label(folder: Path, capsys: pytest.CaptureFixture) -> None:
    (folder / "images/sub-0_T1w.nii.gz").rename(folder / "images/sub-1T1w.nii.gz")
    with pytest.raises(SystemExit):
        phantom.main()
    assert "expected a label of its own, got sub-1T1w" in capsys.readouterr().err


@pytest.mark.parametrize("value", [np.nan, -1.0])
def test_what_is_no_magnitude(value: float, tmp_path: Path) -> None:
    voxels = np.ones((20, 20, 20), np.float32)
    voxels[3, 4, 5] = value
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(StudyError, match="expected magnitudes, finite and from 0 on"):
        read_image(tmp_path / "a.nii.gz")


def test_a_head_has_a_mean_of_1() -> None:
    params = PhantomParams.load(ROOT / "params.yaml")
    image = np.zeros((100, 120, 90), np.float32)
    image[20:80, 20:100, 20:70] = 700
    found = in_field_of_view(image, params, Path("a.nii.gz"))
    assert found.shape == tuple(2 * n for n in params.grid)
    assert found.max() == pytest.approx(1)
