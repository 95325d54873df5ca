"""Members handed to DIRECT, against its own command `direct predict`."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import h5py
import numpy as np
import pytest
import torch
import yaml
from direct.checkpointer import Checkpointer
from direct.cli.cli import main as direct
from direct.common.subsample import build_masking_function

from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.search import MaskOptions
from stages.kspace.masks.variable_density_poisson import draw_mask
from stages.params.train import PretrainedParams, TrainParams
from stages.recon.inference import learned, reconstruct_scan
from stages.recon.learned.checkpoints import load_member, save_member, serialised, weights_of
from stages.recon.learned.exchange import adopted
from stages.recon.learned.networks import build_engine, modules_of, network_options
from stages.storage.files import md5
from stages.study import layout
from tests.kernels import n_threads
from tests.recon.conftest import CPU, train_params
from tests.recon.learned.test_exchange import (
    assert_directs_image,
    direct_environment,
    direct_images,
)
from tests.recon.test_zoo import TINY
from tests.scans import (
    ARCHITECTURES,
    N_COILS,
    PARTIAL_FOURIER,
    fabricate_scan,
    run,
    write_toy_params,
)
from tests.test_recon_scripts import fails

REFINED = {"num_filters": 4, "num_pool_layers": 2}
SCANS = Path("data/validation")
OUT = Path("exported")
STEPS = 4  # of the tiny parameters


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A study of one scan; DIRECT leaves the process as it was."""
    write_toy_params(tmp_path)
    fabricate_scan(tmp_path / SCANS / "e2s0_P0.7.h5", seed=100)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", str(n_threads()))  # DIRECT asks it
    monkeypatch.setattr("direct.environment.setup_logging", lambda *_, **__: None)
    monkeypatch.setattr("direct.nn.mri_models.gc", Mock())  # it collects garbage at every slice
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    interrupt, before = signal.getsignal(signal.SIGINT), torch.get_num_threads()
    yield
    signal.signal(signal.SIGINT, interrupt)
    torch.set_num_threads(before)


def trained(architecture: str, **changes: object) -> TrainParams:
    """Save a member 3 with random weights, as training does, and return its parameters."""
    params = train_params(architecture, **changes)
    engine = build_engine(network_options(params), CPU, seed=8)
    folder = layout.model(architecture, 3)
    folder.mkdir(parents=True)
    snapshot = folder.with_suffix(".pt")
    snapshot.write_bytes(serialised(weights_of(engine)))
    configuration = {
        "train": params.model_dump(mode="json"),
        "kept": {"rule": "last", "step": STEPS},
    }
    save_member(folder, snapshot, [], configuration)
    return params


def scan() -> Scan:
    return open_scan(SCANS / "e2s0_P0.7.h5", ScanFormat(N_COILS, PARTIAL_FOURIER))


def our_images(architecture: str, drawn: SamplingMask) -> np.ndarray:
    engine = load_member(layout.model(architecture, 3), CPU)
    return reconstruct_scan(scan(), drawn, learned(engine), CPU, 3)


def predicted(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Run DIRECT's command line on what was exported; return what it wrote for the scan."""
    files = ["--cfg", OUT / "config.yaml", "--checkpoint", OUT / f"model_{STEPS}.pt"]
    machine = ["--device", "cpu", "--num-gpus", "0", "--num-workers", "0"]
    command = ["direct", "predict", "predicted", "--data-root", SCANS, *files, *machine]
    monkeypatch.setattr(sys, "argv", [str(word) for word in command])
    direct()
    with h5py.File(Path("predicted", scan().path.name)) as file:
        return {key: file[key][()] for key in file}


def direct_mask(configuration: dict[str, Any]) -> SamplingMask:
    """Return the mask that DIRECT draws for the scan: its seed is the path."""
    sampler = build_masking_function(
        **configuration["inference"]["dataset"]["transforms"]["masking"]
    )
    seed = tuple(map(ord, str(scan().path)))
    shape = scan().shape[1:]
    sampling, calibration = (
        sampler(shape=(*shape, 2), return_acs=acs, seed=seed).numpy().reshape(shape).astype(bool)
        for acs in (False, True)
    )
    return SamplingMask.of(sampling, calibration, scan().n_acquired)


# beyond the paper's: an engine of another name, and texts whose defaults only DIRECT understands
OTHERS = [
    "medl.medl.MEDL2D",
    "vsharp.vsharp.VSharpNet",
    "recurrentvarnet.recurrentvarnet.RecurrentVarNet",
]
NETWORKS = [(name, {"sensitivity_network": REFINED}) for name in ARCHITECTURES]
NETWORKS += [("unet", {"model": name, "network": TINY[name]}) for name in OTHERS]


@pytest.mark.kernels
@pytest.mark.parametrize(("architecture", "changes"), NETWORKS)
def test_direct_predicts_the_same_image(
    architecture: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(architecture, **changes)
    run("commands.export", architecture, 3, "--out", OUT)
    written = predicted(monkeypatch)
    drawn = direct_mask(yaml.safe_load((OUT / "config.yaml").read_text()))
    if "sampling_mask" in written:  # RIM's engine does not hand it on
        assert (written["sampling_mask"] == drawn.mask).all()
    found = our_images(architecture, drawn)
    assert 2 < drawn.acceleration_full < 6
    files = (OUT / "config.yaml", OUT / f"model_{STEPS}.pt")
    assert_directs_image(found, [written["reconstruction"]], scan(), drawn, files)


@pytest.mark.kernels
def test_direct_predicts_the_same_with_the_studys_mask() -> None:
    trained("varnet")
    run("commands.export", "varnet", 3, "--out", OUT)
    options = MaskOptions(3.0, "acquired", 0.06, 0.02)
    drawn = draw_mask(scan().shape[1:], scan().n_acquired, options, 0)
    environment = direct_environment(OUT / "config.yaml")
    files = (OUT / "config.yaml", OUT / f"model_{STEPS}.pt")
    theirs = direct_images(environment, scan(), drawn, files[1].absolute())
    assert_directs_image(our_images("varnet", drawn), [theirs], scan(), drawn, files)


def test_directs_checkpointer_finds_the_latest() -> None:
    trained("unet", sensitivity_network=REFINED)
    run("commands.export", "unet", 3, "--out", OUT)
    modules = modules_of(direct_environment(OUT / "config.yaml").engine)
    left = Checkpointer(OUT, save_to_disk=False, **modules).load("latest")
    assert left["iteration"] == STEPS
    saved = modules_of(load_member(layout.model("unet", 3), CPU))
    for name, module in modules.items():
        assert all(
            torch.equal(value, saved[name].state_dict()[key])
            for key, value in module.state_dict().items()
        )


@pytest.mark.parametrize("refined", [None, REFINED])
def test_an_exported_member_can_be_adopted(refined: dict | None) -> None:
    params = trained("rim", sensitivity_network=refined)
    run("commands.export", "rim", 3, "--out", OUT)
    checkpoint = OUT / f"model_{STEPS}.pt"
    entry = PretrainedParams(
        checkpoint=str(checkpoint), configuration=str(OUT / "config.yaml"), md5=md5(checkpoint)
    )
    engine = adopted(params.model_copy(update={"pretrained": {0: entry}}), 0, CPU)
    saved = torch.load(layout.model("rim", 3) / "model.pt", weights_only=True)
    for name, module in modules_of(engine).items():
        state = module.state_dict()
        assert all(torch.equal(state[key], value) for key, value in saved[name].items())


def test_masks_of_the_challenge_are_asked_for_by_name() -> None:
    trained("unet")
    write_toy_params(
        Path(), **{"mask.kind": "challenge", "mask.files": "masks", "mask.acceleration": 5.0}
    )
    run("commands.export", "unet", 3, "--out", OUT)
    configuration = yaml.safe_load((OUT / "config.yaml").read_text())
    masking = configuration["inference"]["dataset"]["transforms"]["masking"]
    assert masking == {"name": "CalgaryCampinas", "accelerations": [5.0]}


def test_nothing_is_overwritten(capsys: pytest.CaptureFixture) -> None:
    trained("unet")
    OUT.mkdir()
    run("commands.export", "unet", 3, "--out", OUT)  # an empty folder is as good as none
    before = {path: path.read_bytes() for path in OUT.iterdir()}
    assert {path.name for path in before} == {f"model_{STEPS}.pt", "last_model.txt", "config.yaml"}
    line = fails(capsys, "commands.export", "unet", 3, "--out", OUT)
    assert "exported: expected a new or empty folder, found something in its place" in line
    assert {path: path.read_bytes() for path in OUT.iterdir()} == before
    assert "expected a new or empty folder" in fails(
        capsys, "commands.export", "unet", 3, "--out", OUT / "config.yaml"
    )


def test_members_that_are_not_there(capsys: pytest.CaptureFixture) -> None:
    assert "unknown architecture 'resnet'; known: unet" in fails(
        capsys, "commands.export", "resnet", 0, "--out", OUT
    )
    line = fails(capsys, "commands.export", "rim", 7, "--out", OUT)
    assert "run `dvc repro select-rim@rim-7`" in line
    trained("rim")
    (layout.model("rim", 3) / "model.pt").write_bytes(b"hello")
    assert "model.pt: expected the weights of rim" in fails(
        capsys, "commands.export", "rim", 3, "--out", OUT
    )
    assert not OUT.exists()
    assert not list(Path().glob(".partial-*"))
