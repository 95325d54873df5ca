"""Heads that lie otherwise than their files say."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
import torch

from stages.anatomy.head import digital_head
from stages.segmenters import orientation
from stages.segmenters.image import Image, load
from stages.segmenters.orientation import CHECKED, check, fault, likeliest_codes, other_codes
from stages.segmenters.synthseg.posteriors import NetworkSegmenter
from stages.segmenters.synthseg.weight_files import open_segmenter
from stages.storage.nifti import affine, axis_codes, save_volume
from stages.study.errors import StudyError
from stages.study.structures import MERGED

CODES = ["".join(c) for o in permutations(("RL", "AP", "SI")) for c in product(*o)]
STEP = 4  # every fourth voxel of the head of 1 mm is enough for centroids


@pytest.fixture(scope="module")
def head():
    """True labels (superior, anterior, right) at 4 mm."""
    labels = digital_head(5).labels[::STEP, ::STEP, ::STEP]
    known = np.isin(labels, [*MERGED.values(), *MERGED, 14, 15, 16, 24])
    return np.where(known, labels, 0).astype(np.int32)


@pytest.mark.parametrize("codes", CODES)
def test_only_the_right_axes_or_their_mirror_image_pass(codes, head):
    found = fault(head, affine(head.shape, (STEP,) * 3, codes))
    if codes == "SAR":
        assert found is None
    elif codes == "SAL":
        assert found == "left structures on the right"
    else:
        assert found is not None


def test_merged_sides_cannot_tell_the_mirror_image(head):
    merged = head.copy()
    for right, left in MERGED.items():
        merged[merged == right] = left
    for codes in CODES:
        found = fault(merged, affine(head.shape, (STEP,) * 3, codes))
        assert (found is None) == (codes in ("SAR", "SAL"))


def test_missing_parts_are_named(head):
    matrix = affine(head.shape, (STEP,) * 3, "SAR")
    assert fault(np.zeros_like(head), matrix) == "no cerebrum"
    without = np.where(np.isin(head, orientation.CEREBELLUM), 0, head)
    assert "hardly any cerebellum" in fault(without, matrix)
    without = np.where(head == 16, 0, head)
    assert "hardly any cerebellum" in fault(without, matrix)


@pytest.mark.parametrize("declared", ["RAS", "LPI", "SAR"])
def test_other_codes_cover_every_head_once_and_small_changes_first(declared):
    codes = list(other_codes(declared))
    assert len(codes) == 23 and declared not in codes
    twins = {c.replace("L", "R") for c in codes}
    assert len(twins) == 23
    changes = [sum(a != b for a, b in zip(c, declared, strict=True)) for c in codes]
    assert changes == sorted(changes) and changes[0] == 1


@pytest.mark.parametrize("codes", ["SAL", "LPI"])
def test_redeclaring_keeps_voxels_and_sizes(codes):
    data = np.random.default_rng(0).random((3, 4, 5))
    scan = Image(data, affine(data.shape, (2.0, 1.5, 1.0), "RAS"), np.ones(3))
    other = orientation.redeclared(scan, codes)
    assert other.data is data and axis_codes(other.affine) == codes
    assert nib.affines.voxel_sizes(other.affine) == pytest.approx([2.0, 1.5, 1.0])


@pytest.fixture(scope="module")
def image_of_head(tmp_path_factory):
    """Write a T1w-like image of a head with axes (superior, anterior, right) as declared."""
    from stages.anatomy.contrast import Contrast, complex_image

    labels = digital_head(7).labels
    image = np.abs(complex_image(labels, Contrast(), np.random.default_rng(0)))[::2, ::2, ::2]
    folder = tmp_path_factory.mktemp("heads")

    def write(codes):
        path = folder / f"{codes}_T1w.nii.gz"
        save_volume(path, image.astype(np.float32), affine(image.shape, (2.0,) * 3, codes))
        return path

    return write


@pytest.fixture(scope="module")
def segmenter():
    torch.set_num_threads(1)
    return open_segmenter("embedded", "standard", torch.device("cpu"), fast=True)


def test_a_head_as_declared_passes(image_of_head, segmenter):
    path = image_of_head("SAR")
    assert check(segmenter, path, segmenter.segment(path)) is None


@pytest.mark.parametrize("declared", ["IAR", "SPR"])
def test_a_reversed_axis_is_found_and_named(declared, image_of_head, segmenter):
    path = image_of_head(declared)
    finding = check(segmenter, path, segmenter.segment(path))
    assert finding.certain
    assert f"axes {declared}" in finding.message and "right with SAR" in finding.message


@pytest.mark.slow
def test_exchanged_axes_are_found(image_of_head, segmenter):
    path = image_of_head("ASR")
    finding = check(segmenter, path, segmenter.segment(path))
    assert finding.certain and "right with SAR" in finding.message


@pytest.mark.parametrize("declared", CODES[:: len(CODES) // 7])
def test_the_right_axes_are_the_likeliest(declared, image_of_head):
    image = load(image_of_head("SAR"))
    codes = likeliest_codes(orientation.redeclared(image, declared))
    assert codes[0].replace("L", "R") == "SAR"


@pytest.fixture
def voxels(monkeypatch):
    """Record the voxels of every image that a network is evaluated on."""
    found, posteriors = [], NetworkSegmenter.posteriors

    def counted(self, image):
        found.append(image.size)
        return posteriors(self, image)

    monkeypatch.setattr(NetworkSegmenter, "posteriors", counted)
    return found


def test_a_search_costs_less_than_a_segmentation(image_of_head, segmenter, voxels, tmp_path):
    rng = np.random.default_rng(0)
    path, head = tmp_path / "noise.nii.gz", load(image_of_head("SAR"))
    save_volume(path, rng.random(head.data.shape, np.float32), head.affine)
    result = segmenter.segment(path)
    assert not check(segmenter, path, result, search=False).certain and len(voxels) == 1
    finding = check(segmenter, path, result)
    assert not finding.certain and "no other axes fit" in finding.message
    assert len(voxels) == 1 + CHECKED
    assert 0 < sum(voxels[1:]) < 0.8 * voxels[0]


def test_an_image_smaller_than_a_head_is_searched_all_the_same(tmp_path, tiny_model):
    data = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
    save_volume(tmp_path / "noise.nii.gz", data, affine(data.shape, (2.0,) * 3, "RAS"))
    own = NetworkSegmenter(tiny_model)
    finding = check(own, tmp_path / "noise.nii.gz", own.segment(tmp_path / "noise.nii.gz"))
    assert not finding.certain and "no other axes fit" in finding.message


@pytest.mark.parametrize(("option", "said"), [("warn", "--orientation search"), ("off", "")])
def test_the_command_does_not_search_unless_told_to(
    option, said, image_of_head, tmp_path, monkeypatch, capsys, voxels
):
    from stages.commands.synthseg import main

    image = image_of_head("IAR")
    values = [str(image), "--fast", "--out", str(tmp_path), "--orientation", option]
    monkeypatch.setattr("sys.argv", ["synthseg", *values])
    main()
    assert len(voxels) == 1
    err = capsys.readouterr().err
    assert said in err and ("expected a head with axes" in err) == bool(said)


def test_the_study_stops_and_the_command_warns(image_of_head, tmp_path, monkeypatch, capsys):
    import shutil
    import sys

    from stages.commands.synthseg import main
    from stages.params.segment import PerturbationParams, SegmentParams
    from stages.segmenters.segmentations import segment_member
    from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE
    from stages.study import layout

    monkeypatch.chdir(tmp_path)
    image, target = layout.image("unet", 0, "sub-1"), tmp_path / "out"
    image.parent.mkdir(parents=True)
    shutil.copy(image_of_head("IAR"), image)
    shifts = PerturbationParams(draws=0, shift_voxels=0.5)
    params = SegmentParams(
        method="synthseg",
        weights=str(EMBEDDED_FILE),
        mode="standard",
        fast=True,
        perturbations=shifts,
    )
    with pytest.raises(StudyError, match="right with SAR"):
        segment_member("unet", 0, params, torch.device("cpu"))
    assert not layout.segmentations("unet", 0).exists()
    values = [str(image), "--fast", "--out", str(target), "--orientation", "search"]
    monkeypatch.setattr(sys, "argv", ["synthseg", *values])
    main()
    assert "right with SAR" in capsys.readouterr().err
    assert (target / "volumes.csv").is_file()
