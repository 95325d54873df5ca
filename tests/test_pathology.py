"""The stage `pathology`: pairs, known volumes and what is written without either."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import pathology
from stages.anatomy.diseases.catalogue import DISEASES
from stages.statistics.questions.pathology import COLUMNS, VOXEL_COLUMNS
from stages.storage.nifti import load_volume, save_volume
from stages.study import layout
from tests.fabricated import (
    ARCHITECTURES,
    Study,
    measure_study,
    move,
    without_networks,
    write_study,
)

PAIR = ("sub-headV001", *(f"sub-headV001{kind}" for kind in DISEASES))
STUDY = Study(n_members=2, n_draws=2, names=PAIR)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    without_networks(monkeypatch)
    return tmp_path


def write_masks() -> np.ndarray:
    """Write what each pathology changed: a block inside the head, white matter or not."""
    labels, matrix = load_volume(layout.segmentation("reference", 0, PAIR[0]))
    mask = np.zeros(labels.shape, np.uint8)
    mask[3:9, 2:6, 2:9] = 1
    for name, kind in zip(PAIR[1:], DISEASES, strict=True):
        save_volume(layout.affected(name, kind), mask, matrix)
    return mask


def run(folder: Path, study: Study) -> dict:
    """Fabricate, measure and ask; return the metrics."""
    write_study(folder, study)
    measure_study(study)
    if study == STUDY:
        write_masks()
    pathology.main()
    return json.loads((layout.metric("pathology", "pathology")).read_text())


def test_pairs_have_all_numbers(folder: Path) -> None:
    tree = run(folder, STUDY)
    assert set(tree) == {*ARCHITECTURES, "reference"}
    assert set(tree["unet"]) == {"healthy", *DISEASES}
    for kind in DISEASES:
        assert set(tree["rim"][kind]) == {"heads", "volumes", "change", "voxels"}
    cells = pd.read_csv(layout.table("pathology", "pathology"))
    voxels = pd.read_csv(layout.PATHOLOGY / "voxels.csv")
    assert list(cells.columns) == COLUMNS
    assert set(VOXEL_COLUMNS) < set(voxels.columns)
    assert len(cells) == 16 * 5 * 4
    assert len(voxels) == 4 * 3
    assert (voxels["head"] == PAIR[0]).all()


def test_voxels_are_those_of_a_stack_in_memory(folder: Path) -> None:
    run(folder, STUDY)
    mask = write_masks() != 0
    healthy, _ = load_volume(layout.segmentation("reference", 0, PAIR[0]))
    plain, _ = load_volume(layout.image("reference", 0, PAIR[0]))
    scale = np.median(plain[np.isin(healthy, (2, 41))])
    members = [load_volume(layout.image("varnet", m, PAIR[2]))[0] for m in range(2)]
    truth, _ = load_volume(layout.image("reference", 0, PAIR[2]))
    stack = np.float64(members)
    error = (stack.mean(axis=0) - truth)[mask] / scale
    std = stack.std(axis=0, ddof=1)[mask] / scale
    voxels = pd.read_csv(layout.PATHOLOGY / "voxels.csv")
    row = voxels[(voxels["group"] == "varnet") & (voxels["subject"] == PAIR[2])].iloc[0]
    assert row["n_voxels"] == mask.sum()
    assert row["error"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-5)
    assert row["std"] == pytest.approx(np.sqrt(np.mean(std**2)), rel=1e-5)


def test_two_runs_are_the_same_bytes(folder: Path) -> None:
    run(folder, STUDY)
    written = [layout.metric("pathology", "pathology"), layout.table("pathology", "pathology")]
    first = [path.read_bytes() for path in written]
    pathology.main()
    assert [path.read_bytes() for path in written] == first


def test_a_healthy_cohort_says_so_and_keeps_its_table(folder: Path) -> None:
    tree = run(folder, Study(n_members=2, n_draws=2, n_scans=2))
    assert tree == {"skipped": "no scan with a pathology: phantom.pathology.heads is 0"}
    cells = pd.read_csv(layout.table("pathology", "pathology"))
    assert set(cells["kind"]) == {"healthy"}
    assert cells["true_change"].isna().all()
    assert pd.read_csv(layout.PATHOLOGY / "voxels.csv").empty


def test_real_scans_have_no_truth(folder: Path) -> None:
    tree = run(folder, Study(n_members=2, n_draws=2, n_scans=2, truth=False))
    assert tree == {"skipped": "no true volumes: the cohort is not simulated"}
    assert list(pd.read_csv(layout.table("pathology", "pathology")).columns) == COLUMNS


def test_a_missing_mask_is_one_line(folder: Path, error_line: Callable[..., str]) -> None:
    write_study(folder, STUDY)
    measure_study(STUDY)
    line = error_line(pathology.main)
    assert "sub-headV001atrophy_desc-atrophy_mask.nii.gz: expected a NIfTI volume" in line
    assert not layout.METRICS.exists()


@pytest.mark.parametrize(
    "path", [layout.image("rim", 1, PAIR[2]), layout.affected(PAIR[2], "lesions")]
)
def test_another_affine_is_one_line(
    path: Path, folder: Path, error_line: Callable[..., str]
) -> None:
    write_study(folder, STUDY)
    measure_study(STUDY)
    write_masks()
    move(path)
    line = error_line(pathology.main)
    assert f"{path}: expected the affine of the reference image, SAR" in line
