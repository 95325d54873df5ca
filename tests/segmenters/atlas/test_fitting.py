"""Registration and segmentation of a made-up head whose tissues are known."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from stages.segmenters.atlas.fitting import AtlasSegmenter
from stages.segmenters.atlas.registration import affine, as_image, centred, warped
from stages.segmenters.image import Image
from stages.storage.nifti import affine as voxel_to_world
from stages.storage.nifti import save_volume
from stages.study.errors import StudyError
from tests.segmenters.atlas.fabricated import REGISTRATION, image, tiny_atlas, tissues

SIZE = np.full(3, 2.0)
SHIFT = (1.5, -1.0, 1.0)


def scan_of(data: np.ndarray, codes: str = "RAS") -> Image:
    """Present data (right, anterior, superior) with other axes."""
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(codes)
    )
    turned = nib.orientations.apply_orientation(data, turn)
    return Image(turned, voxel_to_world(turned.shape, (2.0, 2.0, 2.0), codes), SIZE)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return tissues(SHIFT, scale=1.08)


@pytest.fixture(scope="module")
def found(truth):
    return AtlasSegmenter(tiny_atlas()).segment_image(scan_of(image(truth)))


def test_a_moved_and_larger_head_is_measured(truth, found) -> None:
    ids = np.array([0, 2, 3, 16, 0])[truth]
    for label in (2, 3, 16):
        both = 2 * np.sum((found.labels == label) & (ids == label))
        assert both / (np.sum(found.labels == label) + np.sum(ids == label)) > 0.9
    expected = [8 * np.sum(ids == label) for label in (2, 3, 16)]
    assert found.volumes_mm3 == pytest.approx(expected, rel=0.1)
    assert found.volumes_mm3.dtype == np.float64


@pytest.mark.parametrize("codes", ["SAR", "LPI", "PSL"])
def test_the_order_of_axes_changes_nothing(codes: str, truth, found) -> None:
    scan = scan_of(image(truth), codes)
    other = AtlasSegmenter(tiny_atlas()).segment_image(scan)
    assert other.labels.shape == scan.data.shape
    np.testing.assert_array_equal(other.volumes_mm3, found.volumes_mm3)
    np.testing.assert_array_equal(
        np.sort(other.labels, axis=None), np.sort(found.labels, axis=None)
    )


def test_the_scale_of_intensities_changes_nothing(truth, found) -> None:
    other = AtlasSegmenter(tiny_atlas()).segment_image(scan_of(1024 * image(truth)))
    np.testing.assert_array_equal(other.volumes_mm3, found.volumes_mm3)


def test_all_runs_on_one_thread(truth, found) -> None:
    segmenter = AtlasSegmenter(tiny_atlas())
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == 1
    again = segmenter.segment_image(scan_of(image(truth)))
    np.testing.assert_array_equal(again.volumes_mm3, found.volumes_mm3)
    np.testing.assert_array_equal(again.labels, found.labels)


def test_an_image_without_a_head_is_one_line(tmp_path: Path) -> None:
    save_volume(tmp_path / "flat.nii.gz", np.zeros((26, 30, 28), np.float32), np.eye(4))
    with pytest.raises(StudyError, match=r"flat\.nii\.gz: expected a head") as caught:
        AtlasSegmenter(tiny_atlas()).segment(tmp_path / "flat.nii.gz")
    assert "\n" not in str(caught.value)


def test_the_affine_map_finds_a_shift() -> None:
    atlas = tiny_atlas()
    template = np.tensordot(np.array(atlas.signals), atlas.probabilities, 1)
    moving, fixed = as_image(template, 2.0), as_image(image(tissues(SHIFT)), 2.0)
    transform = affine(fixed, moving, centred(fixed, moving), REGISTRATION)
    found = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))[::-1]  # SimpleITK's order of axes
    np.testing.assert_allclose(found, -2 * np.array(SHIFT), atol=0.5)
    assert np.corrcoef(warped(moving, fixed, transform).ravel(), image(tissues(SHIFT)).ravel())[
        0, 1
    ] == pytest.approx(1, abs=0.05)
