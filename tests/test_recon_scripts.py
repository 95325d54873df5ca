"""The scripts from scans to images: mask, train, reconstruct, reference, noise."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from nibabel.orientations import aff2axcodes

from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.protocol import ScanFormat
from stages.kspace.masks.sampling import load_mask
from stages.kspace.noise import brain_of
from stages.params.data import DataParams
from stages.storage.files import md5, read_json
from stages.storage.nifti import affine, load_volume, save_volume
from stages.study import layout
from tests.fabricated import move
from tests.scans import (
    ARCHITECTURES,
    GRID,
    N_COILS,
    PARTIAL_FOURIER,
    fabricate_scan,
    run,
    toy_labels,
    write_toy_params,
    write_toy_study,
)
from tests.tolerances import assert_rounded, fft_operations

SUBJECT = "sub-e2s0P07"
SIX_DIGITS = 1e-5  # that are written, and twice the rounding of the last one
SCAN = Path("data/validation/e2s0_P0.7.h5")


def fails(capsys: pytest.CaptureFixture, script: str, *arguments: object) -> str:
    """Run a script that must fail with one line, and return the line."""
    with pytest.raises(SystemExit) as stopped:
        run(script, *arguments)
    assert stopped.value.code == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    return last


def kspace() -> np.ndarray:
    return open_scan(SCAN, ScanFormat(N_COILS, PARTIAL_FOURIER)).read()


def masks() -> dict[str, bytes]:
    """Return the masks of all scans by name."""
    return {path.name: path.read_bytes() for path in layout.MASKS.rglob("*.npz")}


def files_below(folder: str) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


@pytest.fixture(autouse=True)
def torch_as_before() -> Iterator[None]:
    """Undo what the scripts set up for the whole process."""
    n_threads = torch.get_num_threads()
    yield
    torch.set_num_threads(n_threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny study with masks and a reference segmentation, and the tests inside it."""
    write_toy_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    labels = toy_labels().astype(np.int16)
    matrix = affine(GRID, DataParams.load().voxel_size_mm, "SAR")
    save_volume(layout.segmentation("reference", 0, SUBJECT), labels, matrix)
    run("mask")
    return tmp_path


def test_masks_and_their_metric(study: Path) -> None:
    names = {path.relative_to(layout.MASKS).as_posix() for path in layout.MASKS.rglob("*.npz")}
    parts = {"train": ("e1s0P07", "e1s1P17"), "validation": ("e2s0P07",), "monitor": ("e2s0P07",)}
    assert names == {
        f"{part}/sub-{s}_mask.npz" for part, subjects in parts.items() for s in subjects
    }
    paths = {path.name: path for path in layout.MASKS.rglob("*.npz")}  # each scan once
    drawn = [load_mask(path).acceleration_acquired for path in paths.values()]
    metric = read_json("metrics/mask/masks.json")["acceleration"]
    assert metric["acquired"]["mean"] == pytest.approx(np.mean(drawn), rel=SIX_DIGITS)
    assert metric["acquired"]["min"] >= 3 * 0.98
    assert metric["full"]["max"] > metric["acquired"]["max"]


def test_masks_depend_on_name_and_seed_only(study: Path, tmp_path: Path) -> None:
    before = masks()
    # the scan moves to another folder and gets company
    SCAN.rename("data/train" / Path(SCAN.name))
    (study / "data/train/e1s0_P0.7.h5").rename(SCAN.with_name("e1s0_P0.7.h5"))
    run("mask")
    assert masks() == before
    write_toy_params(study, **{"mask.seed": 1})
    run("mask")
    assert all(content != before[name] for name, content in masks().items())


def test_two_scans_with_one_label(study: Path, capsys: pytest.CaptureFixture) -> None:
    (study / "data/train/e2s0P07.h5").write_bytes(SCAN.read_bytes())
    assert "expected a label of its own" in fails(capsys, "mask")


def test_the_reference_is_the_root_sum_of_squares(study: Path) -> None:
    run("reference")
    image, matrix = load_volume(layout.image("reference", 0, SUBJECT))
    assert_rounded(image, rss_image(kspace()), fft_operations(*GRID[1:]) + 2 * N_COILS)
    assert image.dtype == np.float32
    assert aff2axcodes(matrix) == ("S", "A", "R")
    folder = layout.images("reference", 0)
    sidecar = read_json(layout.sidecar(layout.image("reference", 0, SUBJECT)))
    assert sidecar["Sources"] == [f"bids:scans:{SCAN.name}"]
    assert sidecar["SkullStripped"] is False and sidecar["Units"] == "arbitrary"
    links = read_json(folder / "dataset_description.json")["DatasetLinks"]
    assert (folder / links["scans"] / SCAN.name).samefile(SCAN)
    assert read_json(folder / "dataset_description.json")["DatasetType"] == "derivative"


def test_noise_members_differ_and_repeat(study: Path) -> None:
    run("noise", 0)
    first = files_below("work/images/noise/0")
    run("noise", 0)
    assert files_below("work/images/noise/0") == first
    run("noise", 1)
    one, other = (load_volume(layout.image("noise", seed, SUBJECT))[0] for seed in (0, 1))
    assert (one != other).any()
    clean = rss_image(kspace())
    brain = brain_of(toy_labels())
    sidecar = read_json(layout.sidecar(layout.image("noise", 0, SUBJECT)))
    signal = clean[brain].mean(dtype=float)
    assert sidecar["NoiseSigma"] == pytest.approx(signal / 30, rel=SIX_DIGITS)
    noise = (one - clean)[brain].std()
    expected = sidecar["NoiseSigma"] * np.sqrt(sidecar["NoiseAcquiredFraction"])
    assert noise == pytest.approx(expected, rel=0.15)


def test_noise_by_k_space_needs_no_segmentation(study: Path) -> None:
    write_toy_params(study, **{"noise.definition": "kspace_db"})
    layout.segmentation("reference", 0, SUBJECT).unlink()
    run("noise", 0)
    acquired = kspace()[..., :17]
    sidecar = read_json(layout.sidecar(layout.image("noise", 0, SUBJECT)))
    rms = np.sqrt(np.mean(np.abs(acquired.astype(complex)) ** 2))
    assert sidecar["NoiseSigma"] == pytest.approx(rms / 10**1.5, rel=SIX_DIGITS)


def test_noise_without_a_segmentation(study: Path, capsys: pytest.CaptureFixture) -> None:
    layout.segmentation("reference", 0, SUBJECT).unlink()
    assert "expected a NIfTI volume, found none" in fails(capsys, "noise", 0)
    assert not layout.images("noise", 0).exists()


def test_noise_refuses_a_segmentation_of_another_grid(
    study: Path, capsys: pytest.CaptureFixture
) -> None:
    path = layout.segmentation("reference", 0, SUBJECT)
    move(path)
    line = fails(capsys, "noise", 0)
    assert f"{path}: expected the affine of the reference image" in line


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_train_and_reconstruct(architecture: str, study: Path) -> None:
    found = []
    for _ in range(2):
        for script in ("train", "select", "reconstruct"):
            run(script, architecture, 1)
        found.append([files_below(f"work/{kind}") for kind in ("training", "models", "images")])
    assert found[0] == found[1]
    training = {"step-00000002.pt", "step-00000004.pt", "config.json", "losses.csv"}
    assert {p.name for p in layout.training(architecture, 1).iterdir()} == training
    folder = layout.model(architecture, 1)
    assert {p.name for p in folder.iterdir()} == {"model.pt", "config.json", "curves.csv"}
    configuration = read_json(folder / "config.json")
    assert configuration["seed"] == 1
    assert set(configuration["masks"]) == {"sub-e1s0P07", "sub-e1s1P17"}
    image, _ = load_volume(layout.image(architecture, 1, SUBJECT))
    assert image.shape == GRID
    assert np.isfinite(image).all()
    # untrained or not, the scale of the scan comes back
    assert 0.1 < image.mean() / rss_image(kspace()).mean() < 10


@pytest.mark.kernels
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_images_do_not_depend_on_how_many_scans_run_at_a_time(
    architecture: str, study: Path
) -> None:
    for k in range(1, 4):
        fabricate_scan(study / f"data/validation/e3s{k}_P{k}.7.h5", seed=200 + k)
    run("mask")
    for script in ("train", "select", "reconstruct"):
        run(script, architecture, 0)
    alone = files_below("work/images")
    assert len(alone) >= 2 * 4
    write_toy_params(study, **{"compute.workers": 3})
    run("reconstruct", architecture, 0)
    assert files_below("work/images") == alone


def test_zero_filling_needs_no_network(study: Path) -> None:
    run("reconstruct", "zero_filled", 0)
    image, _ = load_volume(layout.image("zero_filled", 0, SUBJECT))
    masked = kspace() * load_mask(layout.mask(SUBJECT)).mask
    assert_rounded(image, rss_image(masked), fft_operations(*GRID[1:]) + 2 * N_COILS)
    sidecar = read_json(layout.sidecar(layout.image("zero_filled", 0, SUBJECT)))
    assert sidecar["AccelerationAcquired"] == pytest.approx(3, rel=0.02)


def test_compressed_sensing_needs_no_network(study: Path) -> None:
    run("reconstruct", "compressed_sensing", 0)
    image, _ = load_volume(layout.image("compressed_sensing", 0, SUBJECT))
    assert image.shape == GRID
    assert np.isfinite(image).all()
    assert image.mean() == pytest.approx(rss_image(kspace()).mean(), rel=0.1)
    write_toy_params(study, **{"compute.workers": 3})
    alone = files_below("work/images")
    run("reconstruct", "compressed_sensing", 0)
    assert files_below("work/images") == alone


def test_unknown_architectures(study: Path, capsys: pytest.CaptureFixture) -> None:
    assert "unknown architecture 'resnet'; known: unet" in fails(capsys, "train", "resnet", 0)
    assert "unknown architecture 'resnet'" in fails(capsys, "reconstruct", "resnet", 0)


def test_reconstruction_without_a_model(study: Path, capsys: pytest.CaptureFixture) -> None:
    assert "work/models/unet/7: expected a trained member" in fails(
        capsys, "reconstruct", "unet", 7
    )
    assert not layout.images("unet", 7).exists()


def test_a_selection_without_a_training(study: Path, capsys: pytest.CaptureFixture) -> None:
    line = fails(capsys, "select", "unet", 7)
    assert (
        "work/training/unet/7: expected a training, found none; run `dvc repro train-unet" in line
    )


def test_a_monitor_scan_that_was_learned_from(study: Path, capsys: pytest.CaptureFixture) -> None:
    run("train", "unet", 0)
    scan = Path("data/train/e1s0_P0.7.h5")
    scan.rename(SCAN.parent / "copy.h5")
    run("mask")
    line = fails(capsys, "select", "unet", 0)
    assert (
        f"{SCAN.parent}/copy.h5: expected a scan that work/training/unet/0 was not trained on"
        in line
    )
    assert not layout.model("unet", 0).exists()


@pytest.mark.parametrize("keep", ["last", "best_psnr", "best_ssim"])
def test_the_kept_weights_make_the_images(keep: str, study: Path) -> None:
    write_toy_params(study, **{"train.unet.keep": keep})
    for script in ("train", "select", "reconstruct"):
        run(script, "unet", 0)
    kept = read_json(layout.model("unet", 0) / "config.json")["kept"]
    assert kept["rule"] == keep
    snapshot = layout.training("unet", 0) / layout.snapshot(kept["step"])
    sidecar = read_json(layout.sidecar(layout.image("unet", 0, SUBJECT)))
    assert sidecar["WeightsMD5"] == md5(snapshot)
    trained = read_json(layout.training("unet", 0) / "config.json")
    assert "keep" not in trained["train"] and "validation" not in trained["data"]


def test_an_unknown_network_argument(study: Path, capsys: pytest.CaptureFixture) -> None:
    write_toy_params(study, **{"train.unet.network": {"filters": 8}})
    assert "no argument 'filters'; allowed: num_filters" in fails(capsys, "train", "unet", 0)
    assert not layout.training("unet", 0).exists()


def test_too_few_slices(study: Path, capsys: pytest.CaptureFixture) -> None:
    write_toy_params(study, **{"train.unet.crop_outer_slices": [3, 3]})
    assert "expected more than 6 slices" in fails(capsys, "train", "unet", 0)


def test_a_mask_of_another_matrix(study: Path, capsys: pytest.CaptureFixture) -> None:
    with h5py.File(SCAN, "r+") as file:
        narrow = file["kspace"][:, :, :-2]
        del file["kspace"]
        file["kspace"] = narrow
    assert "expected a mask of 24 x 18, got 24 x 20" in fails(
        capsys, "reconstruct", "zero_filled", 0
    )


@pytest.mark.parametrize(
    ("script", "arguments", "out"),
    [
        ("mask", (), layout.MASKS),
        ("reference", (), layout.images("reference", 0)),
        ("noise", (0,), layout.images("noise", 0)),
        ("select", ("unet", 0), layout.model("unet", 0)),
        ("reconstruct", ("zero_filled", 0), layout.images("zero_filled", 0)),
    ],
)
def test_bad_scans_stop_every_script(
    script: str,
    arguments: tuple,
    out: Path,
    study: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    before = files_below("work")
    content = SCAN.read_bytes()
    SCAN.write_bytes(content[: len(content) // 3])
    assert f"{SCAN}: expected an h5 scan" in fails(capsys, script, *arguments)
    SCAN.unlink()
    assert "found an empty folder" in fails(capsys, script, *arguments)
    SCAN.parent.rmdir()
    assert "expected a folder of h5 scans" in fails(capsys, script, *arguments)
    assert files_below("work") == before
    assert out == layout.MASKS or not out.exists()


@pytest.mark.parametrize(
    ("script", "arguments"),
    [("reference", ()), ("noise", (0,)), ("reconstruct", ("zero_filled", 0))],
)
def test_nan_leaves_no_partial_output(
    script: str, arguments: tuple, study: Path, capsys: pytest.CaptureFixture
) -> None:
    with h5py.File(SCAN, "r+") as file:
        file["kspace"][4, 3, 2, 1] = np.nan
    before = files_below("work")
    assert "NaN or infinity in slice 4" in fails(capsys, script, *arguments)
    assert files_below("work") == before


def test_noise_maps_lie_beside_images(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.kspace.noise_level.LEAST_SAMPLES", 8)  # a small matrix has few
    run("reconstruct", "zero_filled", 0)
    without = files_below("work/images")
    write_toy_params(study, **{"reconstruct.noise_map": {"probes": 4, "smoothing_voxels": 0.5}})
    for group in ("zero_filled", "compressed_sensing"):
        run("reconstruct", group, 0)
    path = layout.noise_map("zero_filled", 0, SUBJECT)
    found, _ = load_volume(path)
    assert found.shape == GRID and found.mean() > 0
    assert read_json(layout.sidecar(path))["NoiseProbes"] == 4
    assert not layout.noise_map("compressed_sensing", 0, SUBJECT).exists()  # not differentiable
    assert without.items() <= files_below("work/images").items()  # images stay bit-identical
