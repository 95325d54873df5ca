"""The commands of docs/own-scans.md as they stand, and the stages that read other formats."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import yaml

from stages.kspace.formats.catalogue import FORMATS
from stages.kspace.masks.sampling import load_mask
from stages.study import layout
from tests import own_scans
from tests.fabricated import ROOT
from tests.kspace.formats.test_same_scan import assert_same, coil_images, rss
from tests.kspace.formats.writers import Options, write_mrd
from tests.scans import run, write_toy_params

WRITER = "ismrmrd_generate_cartesian_shepp_logan"
STATED_BY_FILES = {
    "data.voxel_size_mm": [None, None, None],
    "data.partial_fourier": None,
    "data.n_coils": None,
    "data.centred_transform": None,
}
LINES = {"mask.kind": "equispaced", "mask.acceleration": 2.0}


def shell(command: str, folder: Path) -> subprocess.CompletedProcess:
    """Run a command of the page in a folder that holds the project's parameters in Git."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_commands_of_the_page_run_as_they_stand(tmp_path: Path) -> None:
    for name in ("params.yaml", "params.segmenters.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "weights").mkdir()
    for name in ("embedded.npz", "none"):
        shutil.copy(ROOT / "weights" / name, tmp_path / "weights")
    for command in ("git init -q", "git add params.yaml", "git -c user.name=a -c user.email=a"
                    " commit -qm parameters"):  # fmt: skip
        assert shell(command, tmp_path).returncode == 0
    for name, text in own_scans.overlays().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    own_scans.magnitude_images(tmp_path / "images")
    prepare = (own_scans.fastmri_scans, own_scans.mrd_scans, lambda folder: None)
    blocks = own_scans.commands()
    assert len(blocks) == len(prepare) == len(own_scans.overlays())
    for block, scans in zip(blocks, prepare, strict=True):
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        scans(tmp_path / "data")
        for command in block:
            done = shell(command, tmp_path)
            assert done.returncode == 0, (command, done.stderr)
    table = pd.read_csv(tmp_path / "work/phantom/truth/images.csv")
    assert table["image"].tolist() == [f"sub-{k}_T1w.nii.gz" for k in range(2)]


def test_the_page_names_every_format_and_key() -> None:
    text = own_scans.page()
    assert all(f"| `{name}` |" in text for name in FORMATS)
    for overlay in own_scans.overlays().values():
        assert yaml.safe_load(overlay)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty study folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reference(subject: str) -> np.ndarray:
    return np.asarray(nib.load(layout.image("reference", 0, subject)).dataobj)


@pytest.mark.parametrize(
    ("name", "scans", "codes"),
    [("fastmri", own_scans.fastmri_scans, "SPL"), ("ismrmrd", own_scans.mrd_scans, None)],
)
def test_the_stages_read_other_formats(
    name: str, scans: Callable[[Path], None], codes: str | None, study: Path
) -> None:
    scans(study / "data")
    changes = STATED_BY_FILES | LINES | {"data.format": name, "data.axis_codes": codes}
    changes |= {"mask.equispaced": {"axis": "kz", "center_fraction": 0.2}}
    changes |= {"noise.definition": "kspace_rms", "train.unet.batch_size": 2}
    write_toy_params(study, **changes)
    for script, *arguments in (
        ("inspect",),
        ("mask",),
        ("reference",),
        ("noise", 0),
        ("train", "unet", 0),
        ("select", "unet", 0),
        ("reconstruct", "unet", 0),
        ("reconstruct", "zero_filled", 0),
    ):
        run(script, *arguments)
    (number,) = (2,) if name == "fastmri" else (1,)
    expected = rss(coil_images(own_scans.GRID, seed=number))
    assert_same(reference("sub-c"), expected.astype(np.float32))
    for group in ("noise", "unet", "zero_filled"):
        assert layout.image(group, 0, "sub-c").is_file()
    table = pd.read_csv("work/inspection/scans.csv")
    assert table["n_coils"].nunique() == (2 if name == "fastmri" else 1)


@pytest.mark.parametrize("kind", ["uniform_poisson", "variable_density_poisson", "equispaced"])
def test_a_mask_over_a_readout_is_refused(
    kind: str, study: Path, capsys: pytest.CaptureFixture
) -> None:
    own_scans.fastmri_scans(study / "data")
    changes = STATED_BY_FILES | {"data.format": "fastmri", "mask.kind": kind}
    changes |= {"mask.equispaced": {"axis": "ky", "center_fraction": 0.2}, "mask.acceleration": 2.0}
    write_toy_params(study, **changes)
    with pytest.raises(SystemExit) as stopped:
        run("mask")
    assert stopped.value.code == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert "expected a mask of whole lines along kz, as ky is the readout of a 2D scan" in line
    assert f"got mask.kind {kind}" in line
    assert not layout.MASKS.exists()
    write_toy_params(study, **changes | {"mask.kind": "random"} | {
        "mask.random": {"axis": "kz", "center_fraction": 0.2}})  # fmt: skip
    run("mask")
    mask = load_mask(layout.mask("sub-c")).mask
    assert (mask == mask[0]).all()


def test_what_is_not_supported_is_one_line_of_inspect(
    study: Path, capsys: pytest.CaptureFixture
) -> None:
    own_scans.mrd_scans(study / "data")
    images = coil_images(own_scans.GRID)
    third = Options(keep=lambda y, z: y % 3 == 0)
    write_mrd(study / "data/train/undersampled.h5", images, third, planar=False)
    echoes = Options(change=lambda line: setattr(line.idx, "contrast", line.idx.average),
                     n_averages=2)  # fmt: skip
    write_mrd(study / "data/train/echoes.h5", images, echoes, planar=False)
    write_toy_params(study, **STATED_BY_FILES | {"data.format": "ismrmrd", "data.axis_codes": None})
    with pytest.raises(SystemExit):
        run("inspect")
    lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith("fault: ")]
    assert len(lines) == 2
    assert "echoes.h5: expected one image of each slice, got 2 contrasts (multi-echo)" in lines[0]
    assert "undersampled.h5: expected a fully sampled scan as a reference" in lines[1]


@pytest.mark.skipif(shutil.which(WRITER) is None, reason=f"needs {WRITER} (Debian's ismrmrd-tools)")
@pytest.mark.parametrize("options", ["", "-C 1", "-k 1"])
def test_files_of_an_independent_writer(options: str, study: Path) -> None:
    for k, part in enumerate(("train", "validation")):
        (study / "data" / part).mkdir(parents=True)
        command = f"{WRITER} -m 64 -c {4 + k} -n 0.01 -o data/{part}/head{k}x.h5 {options}"
        subprocess.run(command.split(), check=True, capture_output=True)
    write_toy_params(study, **STATED_BY_FILES | {"data.format": "ismrmrd"})
    run("inspect")
    run("reference")
    with h5py.File("data/validation/head1x.h5") as file:
        phantom, maps = (file[f"dataset/{name}"][0] for name in ("phantom", "csm"))
    weighted = np.abs(phantom.view(np.complex64)) * np.sqrt(
        (np.abs(maps.view(np.complex64)) ** 2).sum(axis=0)
    )
    found = reference("sub-head1x")[0]
    # their phantom is (phase, readout); noise of 1 % and the coils' own are all that differ
    assert np.corrcoef(found.ravel(), weighted.reshape(64, 64).T.ravel())[0, 1] > 0.97
