"""NIfTI volumes: affine, bytes, names."""

from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import aff2axcodes

from stages.storage.files import md5, read_json
from stages.storage.nifti import affine, load_like, load_volume, save_volume, subject
from stages.study.errors import StudyError

CODES = [
    "".join(letters) for axes in permutations(("RL", "AP", "SI")) for letters in product(*axes)
]


@pytest.mark.parametrize("codes", CODES)
def test_affine_says_what_was_asked_in_all_48_orientations(codes: str) -> None:
    shape, size = (6, 8, 10), (1.0, 2.0, 3.0)
    matrix = affine(shape, size, codes)
    assert "".join(aff2axcodes(matrix)) == codes
    assert np.allclose(nib.affines.voxel_sizes(matrix), size)
    assert np.allclose(matrix @ [3, 4, 5, 1], [0, 0, 0, 1])


@pytest.mark.parametrize("codes", ["SA", "SAA", "XYZ", "RLS", ""])
def test_bad_axis_codes(codes: str) -> None:
    with pytest.raises(StudyError, match=r"data\.axis_codes"):
        affine((2, 2, 2), (1.0, 1.0, 1.0), codes)


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.int32])
def test_round_trip_and_identical_bytes(tmp_path: Path, dtype: type) -> None:
    data = np.arange(24).reshape(2, 3, 4).astype(dtype)
    matrix = affine(data.shape, (2.0, 2.0, 2.0), "SAR")
    paths = [tmp_path / f"{name}.nii.gz" for name in "ab"]
    for path in paths:
        save_volume(path, data, matrix, {"Units": "arbitrary"})
    again, read = load_volume(paths[0])
    assert again.dtype == dtype
    assert np.array_equal(again, data)
    assert np.array_equal(read, matrix)
    assert md5(paths[0]) == md5(paths[1])
    own = {"MD5": md5(tmp_path / "a.nii.gz"), "Bytes": (tmp_path / "a.nii.gz").stat().st_size}
    assert read_json(tmp_path / "a.json") == {"Units": "arbitrary"} | own


def test_damaged_volumes_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    with pytest.raises(StudyError, match="found none"):
        load_volume(path)
    path.write_bytes(b"not a volume")
    with pytest.raises(StudyError, match="damage"):
        load_volume(path)
    save_volume(path, np.zeros((8, 8, 8), np.float32), np.eye(4))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(StudyError, match="damage"):
        load_volume(path)
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2, 2), np.float32), np.eye(4)), path)
    with pytest.raises(StudyError, match="three dimensions"):
        load_volume(path)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("e14089s3_P53248.7.h5", "sub-e14089s3P532487"),
        ("a/b/head001_T1w.h5", "sub-head001T1w"),
        (Path("x/scan-1.nii.gz"), "sub-scan1"),
    ],
)
def test_subject_label(name: str | Path, label: str) -> None:
    assert subject(name) == label


def test_nameless_scan() -> None:
    with pytest.raises(StudyError, match="letters or digits"):
        subject("___.h5")


def test_volumes_must_lie_on_the_grid_of_the_reference(tmp_path: Path) -> None:
    matrix = affine((2, 3, 4), (1.0, 1.0, 1.0), "SAR")
    data = np.zeros((2, 3, 4), dtype=np.float32)
    path = tmp_path / "a.nii.gz"
    save_volume(path, data, matrix)
    assert np.array_equal(load_like(path, (2, 3, 4), matrix), data)
    with pytest.raises(StudyError, match=r"expected shape \(2, 3, 5\).*got \(2, 3, 4\)"):
        load_like(path, (2, 3, 5), matrix)
    with pytest.raises(StudyError, match="expected the affine of the reference image, SAR"):
        load_like(path, (2, 3, 4), affine((2, 3, 4), (1.0, 1.0, 1.0), "SAL"))
    data[0, 0, 0] = np.nan
    save_volume(path, data, matrix)
    with pytest.raises(StudyError, match="NaN or infinity"):
        load_like(path, (2, 3, 4), matrix)
