"""The stage that segments one member's images."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from nibabel.processing import resample_from_to
from scipy import ndimage

from stages import segment
from stages.implantation.healthy_scan import find_labels
from stages.params.segment import PerturbationParams, SegmentParams
from stages.segmenters import segmentations
from stages.segmenters.image import load
from stages.segmenters.protocol import Segmentation
from stages.segmenters.segmentations import segment_member
from stages.segmenters.synthseg import model
from stages.segmenters.synthseg.labels import MERGED_LABELS, merged_name
from stages.segmenters.synthseg.network import Architecture
from stages.storage.files import md5, read_json
from stages.storage.nifti import affine, save_volume
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.parcels import PARCEL_LABELS, PARCEL_NAMES
from stages.study.structures import STRUCTURES, structure_volumes
from tests.fabricated import ROOT
from tests.kernels import n_threads
from tests.segmenters.conftest import random_network

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    names = tuple(merged_name(label) for label in MERGED_LABELS[1:])
    recipe = model.Recipe(voxel_size_mm=2.0, multiple=2, minimum=0, blur=0.0)
    network = random_network(Architecture(1, 18, (2, 3)))
    path = tmp_path_factory.mktemp("weights") / "tiny.npz"
    model.save(path, model.Model({"unet": network}, MERGED_LABELS, names, recipe))
    return path


@pytest.fixture
def study(tmp_path, monkeypatch, weights):
    """Two images of a member, and the parameters."""
    monkeypatch.chdir(tmp_path)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["segment"] |= {"weights": str(weights), "mode": "standard", "fast": False}
    params["compute"] |= {"device": "cpu", "threads": n_threads(), "workers": 1}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    for number in (1, 2):
        data = np.random.default_rng(number).random((8, 12, 10), np.float32)
        matrix = affine(data.shape, (2.0, 2.0, 2.0), "SAR")
        save_volume(layout.image("unet", 3, f"sub-{number}"), data, matrix, {})
    return tmp_path


def options(weights, draws=0):
    """Parameters of the section, as an object."""
    shifts = PerturbationParams(draws=draws, shift_voxels=0.5)
    return SegmentParams(
        method="synthseg",
        weights=str(weights),
        mode="standard",
        fast=False,
        perturbations=shifts,
    )


def run(monkeypatch, *values):
    monkeypatch.setattr(sys, "argv", ["segment", *values])
    segment.main()


def test_a_member_is_segmented(study, monkeypatch, weights):
    run(monkeypatch, "unet", "3")
    folder = layout.segmentations("unet", 3)
    table = pd.read_csv(folder / "volumes.csv", index_col="subject")
    assert table.index.tolist() == ["sub-1", "sub-2"]
    assert list(structure_volumes(table)) == [s.name for s in STRUCTURES]
    total = table.drop(columns="total intracranial").sum(axis=1)
    assert table["total intracranial"].to_numpy() == pytest.approx(total.to_numpy(), abs=0.02)
    assert total.max() <= 8 * 8 * 12 * 10
    for subject in table.index:
        path = layout.segmentation("unet", 3, subject)
        labels, image = nib.load(path), nib.load(layout.image("unet", 3, subject))
        assert labels.shape == image.shape and np.array_equal(labels.affine, image.affine)
        assert set(np.unique(labels.dataobj)) <= set(MERGED_LABELS)
        sidecar = json.loads(layout.sidecar(path).read_text())
        assert sidecar["WeightsMD5"] == md5(weights)
        assert labels.get_data_dtype() == np.uint8 and labels.dataobj.slope == 1
        images = read_json(folder / "dataset_description.json")["DatasetLinks"]["images"]
        source = sidecar["Sources"][0].removeprefix("bids:images:")
        assert (folder / images / source).samefile(layout.image("unet", 3, subject))
    assert (folder / "dseg.tsv").read_text().count("\n") == 19


@pytest.mark.kernels
def test_twice_the_same_bytes(study, monkeypatch):
    contents = []
    for workers in (1, 3):
        params = yaml.safe_load(Path("params.yaml").read_text())
        params["compute"]["workers"] = workers
        Path("params.yaml").write_text(yaml.safe_dump(params))
        run(monkeypatch, "unet", "3")
        files = sorted(p for p in layout.segmentations("unet", 3).rglob("*") if p.is_file())
        contents.append([(path.name, path.read_bytes()) for path in files])
    assert contents[0] == contents[1]


def test_labels_come_back_on_the_grid_of_the_image(study, weights):
    data = np.random.default_rng(0).random((16, 24, 20), np.float32)
    path = layout.image("fine", 0, "sub-1")
    save_volume(path, data, affine(data.shape, (1.0, 1.0, 1.0), "LPI"), {})
    params = options(weights)
    segment_member("fine", 0, params, CPU)
    found = nib.load(layout.segmentation("fine", 0, "sub-1"))
    assert found.shape == data.shape and np.array_equal(found.affine, nib.load(path).affine)
    blocks = np.asarray(found.dataobj).reshape(8, 2, 12, 2, 10, 2)
    assert (blocks == blocks[:, :1, :, :1, :, :1]).all()


def test_no_images_and_bad_arguments(study, monkeypatch, capsys):
    for values in (("varnet", "0"), ("unet",), ("unet", "x")):
        with pytest.raises(SystemExit) as stopped:
            run(monkeypatch, *values)
        assert stopped.value.code == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_bad_image_leaves_nothing_behind(study, weights):
    layout.image("unet", 3, "sub-2").write_bytes(b"no image")
    params = options(weights)
    target = layout.segmentations("unet", 3)
    with pytest.raises(StudyError, match=r"sub-2_rec-unet3_desc-accelerated_T1w\.nii\.gz"):
        segment_member("unet", 3, params, CPU)
    assert not target.exists()
    assert not list(target.parent.iterdir())


def test_shifted_copies_have_tables_of_their_own(study, weights):
    target = layout.segmentations("unet", 3)
    segment_member("unet", 3, options(weights, draws=2), CPU)
    tables = [
        pd.read_csv(target / f"{name}.csv", index_col="subject")
        for name in ("volumes", "volumes_draw-0", "volumes_draw-1")
    ]
    for table in tables[1:]:
        assert table.shape == tables[0].shape and list(table) == list(tables[0])
        assert not np.array_equal(table, tables[0])
    assert not np.array_equal(tables[1], tables[2])
    assert options(weights, draws=2).once == options(weights)
    for subject in ("sub-1", "sub-2"):
        own = nib.load(layout.segmentation("unet", 3, subject))
        about = read_json(layout.sidecar(layout.segmentation("unet", 3, subject)))
        for number in (0, 1):
            path = layout.drawn_segmentation("unet", 3, number, subject)
            assert path.name == f"{subject}_rec-unet3_seg-freesurfer_desc-draw{number}_dseg.nii.gz"
            copy, found = nib.load(path), read_json(layout.sidecar(path))
            assert copy.shape == own.shape and copy.get_data_dtype() == np.uint8
            moved = own.affine[:3, 3] - copy.affine[:3, 3]
            assert moved == pytest.approx(found["OffsetMM"], abs=1e-5) and moved.any()
            assert (found["Draw"], found["MD5"]) == (number, md5(path))
            same = {"Sources", "SourceMD5", "Method", "Weights", "WeightsMD5", "Mode", "Fast"}
            assert {key: found[key] for key in same} == {key: about[key] for key in same}
            assert set(found) == set(about) | {"Draw", "OffsetMM"}
    rows = (target / "descriptions.tsv").read_text().splitlines()
    assert [row.split("\t")[0] for row in rows] == ["desc_id", "desc-draw0", "desc-draw1"]


def test_label_maps_of_copies_are_no_members(study, weights):
    segment_member("unet", 3, options(weights, draws=2), CPU)
    folder = layout.segmentations("unet", 3)
    assert len(list(folder.rglob("*_dseg.nii.gz"))) == 2 * (1 + 2)
    assert find_labels(folder, "sub-1") == layout.segmentation("unet", 3, "sub-1")
    assert layout.subjects("unet", 3) == ["sub-1", "sub-2"]


def test_a_study_is_segmented_under_one_bar(study, monkeypatch, bars):
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["ensembles"]["unet"] = [2, 3]
    params["segment"]["perturbations"]["draws"] = 2
    Path("params.yaml").write_text(yaml.safe_dump(params))
    data = np.random.default_rng(3).random((8, 12, 10), np.float32)
    save_volume(layout.image("unet", 2, "sub-1"), data, affine(data.shape, (2.0,) * 3, "SAR"), {})
    run(monkeypatch, "unet")
    (bar,) = bars
    assert (bar.n, bar.total, bar.unit) == (9, 9, "image")  # three images, two copies of each


def test_further_networks_segment_the_copies_in_turn(study, weights, tmp_path):
    folder = tmp_path / "networks"
    folder.mkdir()
    own = model.load(weights)
    for seed in (5, 6):
        network = random_network(Architecture(1, 18, (2, 3)), seed)
        model.save(folder / f"{seed}.npz", replace(own, networks={"unet": network}))
    params = options(weights, draws=3).model_copy(update={"networks": str(folder)})
    segment_member("unet", 3, params, CPU)
    found = [pd.read_csv(layout.drawn_volumes("unet", 3, k), index_col=0) for k in range(3)]
    recorded = [
        read_json(layout.sidecar(layout.drawn_segmentation("unet", 3, k, "sub-1")))
        for k in range(3)
    ]
    files = [folder / f"{seed}.npz" for seed in (5, 6, 5)]
    assert [each["WeightsMD5"] for each in recorded] == [md5(file) for file in files]
    assert [each["Weights"] for each in recorded] == [file.name for file in files]
    for number, seed in enumerate((5, 6, 5)):
        alone = options(folder / f"{seed}.npz", draws=3)
        segment_member("unet", 3, alone, CPU)
        expected = pd.read_csv(layout.drawn_volumes("unet", 3, number), index_col=0)
        pd.testing.assert_frame_equal(found[number], expected)
    assert not found[0].equals(found[1])
    assert not found[0].equals(found[2])  # another shift
    with pytest.raises(ValueError, match="networks are SynthSeg's: set them to 'weights/none'"):
        SegmentParams(**params.model_dump() | {"method": "atlas", "weights": "weights/atlas.npz"})
    other = replace(own, names=tuple(f"x{name}" for name in own.names))
    model.save(folder / "5.npz", other)
    with pytest.raises(StudyError, match=r"5\.npz: expected the structures of"):
        segment_member("unet", 3, params, CPU)
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(StudyError, match="expected weights of segmentation networks"):
        segment_member("unet", 3, params, CPU)


def write_ball(group, seed, number):
    """Write the image of a smooth ball of radius 6.3 voxels, a voxel 1.5 x 1 x 1.2 mm."""
    shape = (22, 24, 20)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    distance = np.linalg.norm(index - (10.3, 12.1, 9.6 + 0.2 * number), axis=-1)
    matrix = affine(shape, (1.5, 1.0, 1.2), "SAR")
    data = np.exp(-((distance / 6.3) ** 2)).astype(np.float32)
    save_volume(layout.image(group, seed, f"sub-{number}"), data, matrix, {})


def ball_network():
    """A segmenter that finds the ball exactly, and what is said of it."""

    def found(image):
        labels = np.where(image.data > np.exp(-1), 17, 0).astype(np.int32)
        volume = np.array([float((labels > 0).sum())])
        return Segmentation(labels, image.affine, volume, {"ExitCode": 0}, log="found it")

    return segmentations.Network(SimpleNamespace(segment_image=found), {"WeightsMD5": "x"})


def centre(labels, matrix):
    """Return the centre of all labels in the world, mm."""
    return matrix[:3] @ [*np.argwhere(labels).mean(axis=0), 1]


def test_a_label_map_of_a_shifted_copy_lies_over_the_image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_ball("unet", 0, 1)
    network, image = ball_network(), load(layout.image("unet", 0, "sub-1"))
    own = network.segmenter.segment_image(image).labels > 0
    around = np.ones((3, 3, 3), bool)  # the nearest voxel lies next to it, also across a corner
    border = ndimage.binary_dilation(own, around) & ~ndimage.binary_erosion(own, around)
    for number in range(4):
        list(segmentations.segment_draws("unet", 0, network, 1.0, number, Path("out")))
        path = layout.drawn_segmentation("unet", 0, number, "sub-1", Path("out"))
        stored = nib.load(path)
        back = resample_from_to(stored, (image.data.shape, image.affine), order=0)
        assert not ((np.asarray(back.dataobj) > 0) != own)[~border].any()
        about = read_json(layout.sidecar(path))
        drawn, offset = np.asarray(stored.dataobj) > 0, about["OffsetMM"]
        assert (about["ExitCode"], about["WeightsMD5"]) == (0, "x")
        assert path.with_name(f"sub-1_desc-draw{number}_log.txt").read_text() == "found it"
        # thousand voxels of a ball, of which those of the border err by half a voxel at most
        assert centre(drawn, stored.affine) == pytest.approx(centre(own, image.affine), abs=0.1)
        moved = centre(drawn, image.affine) - centre(own, image.affine)
        assert moved == pytest.approx(offset, abs=0.1) and np.linalg.norm(offset) > 0.3


def test_a_draw_shifts_all_images_of_a_scan_alike_and_no_two_scans(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = {"sub-1": [], "sub-2": []}
    for group, seed in (("unet", 0), ("unet", 1), ("rim", 0)):
        for number in (1, 2):
            write_ball(group, seed, number)
        list(segmentations.segment_draws(group, seed, ball_network(), 0.5, 1, Path("out")))
        for subject, offsets in seen.items():
            path = layout.drawn_segmentation(group, seed, 1, subject, Path("out"))
            offsets.append(read_json(layout.sidecar(path))["OffsetMM"])
    first, second = (np.array(seen[f"sub-{number}"]) for number in (1, 2))
    assert len(first) == len(second) == 3
    assert (first == first[0]).all() and (second == second[0]).all()
    assert (first[0] != second[0]).any()


def test_a_parcellation_adds_parcels(study, further_weights):
    parc = str(further_weights / "parc.h5")
    path = layout.image("fine", 0, "sub-1")
    data = np.random.default_rng(0).random((9, 14, 10), np.float32)
    save_volume(path, data, affine(data.shape, (1.0, 1.0, 1.0), "SAR"), {})
    plain = options(further_weights / "fine.npz", draws=2)
    segment_member("fine", 0, plain, CPU)
    folder = layout.segmentations("fine", 0)
    before = nib.load(layout.segmentation("fine", 0, "sub-1")).get_fdata()
    chosen = plain.model_copy(update={"parcellation": parc})
    segment_member("fine", 0, chosen, CPU)
    label_map = layout.segmentation("fine", 0, "sub-1")
    after = nib.load(label_map)
    assert after.get_data_dtype() == np.int16
    cortex, written = np.isin(before, (3, 42)), after.get_fdata()
    assert cortex.any() and np.isin(written[cortex], PARCEL_LABELS).all()
    assert np.array_equal(written[~cortex], before[~cortex])
    table = pd.read_csv(folder / "volumes.csv", index_col="subject")
    assert list(table)[-68:] == list(PARCEL_NAMES)
    drawn = pd.read_csv(layout.drawn_volumes("fine", 0, 1), index_col="subject")
    assert list(drawn) == list(table)
    sidecar = read_json(layout.sidecar(label_map))
    assert sidecar["ParcellationWeightsMD5"] == md5(Path(parc))
    assert "\n1035\tctx-lh-insula\t" in (folder / "dseg.tsv").read_text()
