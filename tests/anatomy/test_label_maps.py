"""Heads from label maps."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from stages.anatomy.label_maps import brain_centre, head_from_map, list_maps, read_map
from stages.anatomy.tissue import MUSCLE_SKIN
from stages.study.errors import StudyError
from tests.anatomy.maps import VOXEL_MM, block_head, write_lia


def test_orientation_and_voxel_size(tmp_path: Path) -> None:
    write_lia(tmp_path / "a.nii.gz", block_head())
    labels = read_map(tmp_path / "a.nii.gz")
    expected = block_head()
    expected[expected == 511] = MUSCLE_SKIN
    for axis in range(3):
        expected = expected.repeat(int(VOXEL_MM), axis)
    assert labels.dtype == np.uint16
    assert np.array_equal(labels, expected)


def test_parcels_and_choroid_plexus_merge(tmp_path: Path) -> None:
    head = block_head()
    head[7, 6, 5], head[7, 6, 14], head[12, 10, 9] = 1003, 2003, 136
    write_lia(tmp_path / "a.nii.gz", head)
    found = set(np.unique(read_map(tmp_path / "a.nii.gz")).tolist())
    assert found == {0, 2, 3, 4, 10, 16, 24, 41, 42, 49, MUSCLE_SKIN}


def test_unknown_labels_are_named(tmp_path: Path) -> None:
    head = block_head()
    head[0, 0, :2] = 999, 777
    write_lia(tmp_path / "a.nii.gz", head)
    with pytest.raises(StudyError, match=r"a\.nii\.gz.*unknown ones \(777, 999\)"):
        read_map(tmp_path / "a.nii.gz")


def test_an_image_is_no_label_map(tmp_path: Path) -> None:
    write_lia(tmp_path / "a.nii.gz", block_head() * 0.37, np.float32)
    with pytest.raises(StudyError, match="whole numbers"):
        read_map(tmp_path / "a.nii.gz")


def test_one_hemisphere_is_not_enough(tmp_path: Path) -> None:
    write_lia(tmp_path / "a.nii.gz", np.where(block_head() == 2, 2, 0))
    with pytest.raises(StudyError, match="both hemispheres"):
        read_map(tmp_path / "a.nii.gz")


def test_empty_or_missing_folder(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(StudyError, match=r"phantom\.label_maps"):
            list_maps(folder)


def test_variants_differ_and_repeat(tmp_path: Path) -> None:
    write_lia(tmp_path / "a.nii.gz", block_head())
    labels = read_map(tmp_path / "a.nii.gz")
    shape, centre = (160, 168, 144), (80, 84, 72)
    first, again, other = (
        head_from_map(labels, shape, centre, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert first.shape == shape
    assert np.array_equal(first, again)
    assert 0.005 < (first != other).mean() < 0.3
    assert np.abs(np.subtract(brain_centre(first), np.add(centre, (7, 1, 0)))).max() < 8
    assert set(np.unique(first)) == set(np.unique(labels))
    assert (first[0] == MUSCLE_SKIN).any()  # the neck goes on to the border


def test_maps_of_freesurfer_and_names_in_capital_letters(tmp_path: Path) -> None:
    write_lia(tmp_path / "b.nii.gz", block_head())
    image = nib.load(tmp_path / "b.nii.gz")
    stored = np.asarray(image.dataobj).astype(np.int32)
    nib.save(nib.MGHImage(stored, image.affine), tmp_path / "a.mgz")
    (tmp_path / "b.nii.gz").rename(tmp_path / "B.NII.GZ")
    assert [path.name for path in list_maps(tmp_path)] == ["B.NII.GZ", "a.mgz"]
    first, second = map(read_map, list_maps(tmp_path))
    np.testing.assert_array_equal(first, second)


def test_a_map_in_metres(tmp_path: Path) -> None:
    write_lia(tmp_path / "b.nii.gz", block_head())
    image = nib.load(tmp_path / "b.nii.gz")
    scaled = nib.Nifti1Image(
        np.asarray(image.dataobj), np.diag([1e-3, 1e-3, 1e-3, 1]) @ image.affine
    )
    scaled.header.set_xyzt_units("meter")
    nib.save(scaled, tmp_path / "a.nii.gz")
    with pytest.raises(StudyError, match="expected a head in mm: .*in meter by its header"):
        read_map(tmp_path / "a.nii.gz")
