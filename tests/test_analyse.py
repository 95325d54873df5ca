"""The stage `analyse`: public keys, known numbers, counted gaps, and the same bytes twice."""

import io
import json
import math
import shutil
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from stages import analyse
from stages.statistics import catalogue
from stages.statistics.answer import Answer, look_up
from stages.statistics.catalogue import QUESTIONS
from stages.statistics.families import places
from stages.study import layout
from tests.fabricated import (
    ARCHITECTURES,
    KEPT_STEP,
    ROOT,
    Study,
    change_params,
    measure_study,
    without_networks,
    write_study,
)

SKIPPED = "total_variance"  # no image is segmented again
WITHOUT_TABLE = {"noise", "headline", SKIPPED}
SEVERAL_TABLES = {
    "volumes": {"cv", "bias"},
    "prediction": {"correlations", "regression"},
    "bias_prediction": {"bias_prediction", "bias_regression"},
    "components": {"components", "icc"},
    "agreement": {"agreement", "differences"},
    "training": {"training", "kept"},
}
METRICS = QUESTIONS.keys() - {"headline", SKIPPED} | {"skipped"}
TABLES = (QUESTIONS.keys() - WITHOUT_TABLE - SEVERAL_TABLES.keys()).union(*SEVERAL_TABLES.values())


def metrics(name: str) -> dict:
    """Return a metrics file."""
    return json.loads(layout.metric("analyse", name).read_text())


def table(name: str, **options: Any) -> pd.DataFrame:
    """Return a table of plots/."""
    return pd.read_csv(layout.table("analyse", name), **options)


def leaves(tree: dict) -> list:
    """Return all values of a nested dictionary."""
    return [leaf for v in tree.values() for leaf in (leaves(v) if isinstance(v, dict) else [v])]


@pytest.fixture(scope="module")
def structures() -> list[str]:
    """Return the default study's structures."""
    return yaml.safe_load((ROOT / "params.yaml").read_text())["analyse"]["structures"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    without_networks(monkeypatch)
    return tmp_path


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """A function that fabricates, measures and analyses a study once for all tests.

    It returns its folder and what was said on stderr; tests leave the folder as it is. `prepare`
    changes the study before it is measured.
    """
    found = {}

    def once(study, prepare=lambda folder: None):
        key = (study, prepare.__name__)
        if key not in found:
            folder, said = tmp_path_factory.mktemp("analysed"), io.StringIO()
            with pytest.MonkeyPatch.context() as patch, redirect_stderr(said):
                patch.chdir(folder)
                without_networks(patch)
                write_study(folder, study)
                prepare(folder)
                measure_study(study)
                analyse.main()
            found[key] = folder, said.getvalue()
        return found[key]

    return once


def leave_files_of_others(folder):
    """Write files of questions that are gone."""
    for path in (layout.metric("analyse", "gone"), layout.table("analyse", "gone")):
        path.parent.mkdir(parents=True)
        path.write_text("")


def scan_each_subject_twice(folder):
    """Take the first part of a scan's name for its subject's."""
    change_params(folder, "analyse", "subject_pattern", r"(e\d+)s")


def make_gaps(folder):
    """Take structures from the UNet's and the reference's tables; make VarNet's members equal.

    The UNet has no caudate and no amygdala in the first scan, the reference no putamen in the
    second.
    """
    for member in range(Study().n_members):
        path = layout.segmentations("unet", member) / "volumes.csv"
        volume = pd.read_csv(path).drop(columns=["left caudate", "right caudate"])
        volume.loc[0, ["left amygdala", "right amygdala"]] = 0.0
        volume.to_csv(path, index=False)
    path = layout.segmentations("reference", 0) / "volumes.csv"
    volume = pd.read_csv(path)
    volume.loc[1, ["left putamen", "right putamen"]] = 0.0
    volume.to_csv(path, index=False)
    for member in range(1, Study().n_members):
        for kind in (layout.image, layout.segmentation):
            for subject in Study().subjects:
                same = kind("varnet", 0, subject).read_bytes()
                kind("varnet", member, subject).write_bytes(same)
        tables = [layout.segmentations("varnet", m) / "volumes.csv" for m in (0, member)]
        tables[1].write_bytes(tables[0].read_bytes())


@pytest.fixture
def of_two(analysed, monkeypatch):
    """The current directory: a study of two members, over files of questions that are gone."""
    monkeypatch.chdir(analysed(Study(n_members=2), leave_files_of_others)[0])


@pytest.fixture
def with_gaps(analysed, monkeypatch):
    """The current directory: a study with gaps; what was said of it on stderr."""
    folder, said = analysed(Study(), make_gaps)
    monkeypatch.chdir(folder)
    return said


@pytest.mark.parametrize("study", [Study(), Study(n_members=2, n_draws=2, n_scans=2, truth=False)])
def test_every_file_has_its_public_keys_and_no_gaps(analysed, study, structures, monkeypatch):
    folder, said = analysed(study)
    monkeypatch.chdir(folder)
    quality, volumes = metrics("image_quality"), metrics("volumes")
    assert set(quality) == {*ARCHITECTURES, "zero_filled"}
    for arch in ARCHITECTURES:
        for scores in (quality[arch], quality[arch]["cropped"]):
            assert {"mean", "std"} <= set(scores["psnr"]) == set(scores["ssim"])
        # four scans are four subjects or, in other studies, too few for an interval
        assert set(quality[arch]["psnr"]) - {"low", "high"} == {"mean", "std"}
    assert set(quality["zero_filled"]["psnr"]) - {"low", "high"} == {"mean"}
    for group in (*ARCHITECTURES, "noise"):
        assert set(volumes[group]["cv"]) - {"low", "high"} == {"median", *structures}
        assert set(volumes[group]["bias"]) == set(structures)
    assert "cv" not in volumes["zero_filled"]
    if study.truth:
        assert set(volumes["reference"]["bias_truth"]) == set(structures)
    else:
        assert volumes["truth"].startswith("absent")
    for arch in ARCHITECTURES:
        assert set(metrics("prediction")[arch]["r2"]) == {"histogram", "summary"}
        for target in ("reference", *(["truth"] if study.truth else [])):
            found = metrics("bias_prediction")[arch][target]
            assert set(found["r2"]) == {"histogram", "summary"}
            assert {"std_mean", "linearised_volume", "cv"} <= set(found["surrogates"])
        assert ("truth" in metrics("bias_prediction")[arch]) == study.truth
        readings = metrics("readings")[arch]
        assert set(readings["histogram"]["sd"]) == set(readings["histogram"]["cv"])
        assert set(readings["summary"]["sd"]) == {"map", *readings["histogram"]["sd"]}
    assert metrics("noise")["nominal"] == 30
    overlap, deformation = metrics("overlap"), metrics("deformation")
    for group in (*ARCHITECTURES, "noise", "zero_filled"):
        assert set(overlap[group]["dice"]) == set(overlap[group]["surface_distance"]) == {"median"}
        assert ("truth" in overlap[group]) == study.truth
        assert set(deformation[group]["mean"]) == {"median", *structures}
        assert ("sd" in deformation[group]) == (group != "zero_filled")
    for path in (layout.HEADLINE, *(layout.METRICS / "analyse").iterdir()):
        numbers = [v for v in leaves(json.loads(path.read_text())) if not isinstance(v, str)]
        assert all(math.isfinite(v) for v in numbers)
        for keys, p in places(json.loads(path.read_text())):
            own = look_up(json.loads(path.read_text()), *keys)
            assert own["family"], (path, keys)
            assert own["adjusted"] >= p * (1 - 1e-12)
    # of fewer than eight subjects
    assert "per_structure_mean" in said


def test_every_question_has_its_files_and_nothing_else_is_left(of_two):
    assert {path.stem for path in (layout.METRICS / "analyse").iterdir()} == METRICS
    assert {path.stem for path in (layout.PLOTS / "analyse").iterdir()} == TABLES
    assert {path.name for path in layout.METRICS.iterdir()} == {"analyse", "headline.json"}
    # image quality alone: of two members and few scans nothing else is certain enough
    assert set(json.loads(layout.HEADLINE.read_text())) == {*ARCHITECTURES, "zero_filled"}


def test_numbers_are_those_of_the_volumes(analysed, monkeypatch):
    monkeypatch.chdir(analysed(Study())[0])
    members = range(Study().n_members)
    raw = pd.concat(
        pd.read_csv(layout.segmentations("rim", m) / "volumes.csv") for m in members
    ).set_index("subject")
    volume = raw["left caudate"] + raw["right caudate"]
    by_scan = volume.groupby("subject")
    expected = (100 * by_scan.std() / by_scan.mean()).median()
    assert metrics("volumes")["rim"]["cv"]["caudate"] == pytest.approx(expected, rel=1e-5)
    reference = pd.read_csv(layout.segmentations("reference", 0) / "volumes.csv")
    reference = reference.set_index("subject")
    true = reference["left caudate"] + reference["right caudate"]
    expected = (100 * (by_scan.mean() - true) / true).median()
    assert metrics("volumes")["rim"]["bias"]["caudate"] == pytest.approx(expected, rel=1e-5)
    assert metrics("volumes")["reference"]["bias_truth"]["caudate"] == 0


def test_two_runs_are_the_same_bytes(analysed, tmp_path, monkeypatch):
    first, _ = analysed(Study(), scan_each_subject_twice)
    monkeypatch.chdir(shutil.copytree(first, tmp_path / "again"))
    analyse.main()
    written = [path for top in (layout.METRICS, layout.PLOTS) for path in top.rglob("*.*")]
    assert written
    assert {path: (first / path).read_bytes() for path in written} == {
        path: path.read_bytes() for path in written
    }


def test_a_missing_and_a_vanished_structure_are_excluded_by_name(with_gaps):
    volumes, prediction, n_scans = metrics("volumes"), metrics("prediction"), Study().n_scans
    assert "caudate" not in volumes["unet"]["cv"]
    # and the putamen that the reference lacks
    assert volumes["unet"]["excluded"] == n_scans + 1 + 1
    assert volumes["varnet"]["excluded"] == 1
    assert prediction["unet"]["n"]["pairs"] == 16 * n_scans - n_scans - 1
    assert "caudate of sub-e0s0" in with_gaps
    assert "amygdala of sub-e0s0" in with_gaps


def test_a_scan_without_a_reference_volume_has_no_bias(with_gaps):
    bias = table("bias")
    row = bias[(bias["group"] == "rim") & (bias["structure"] == "putamen")]
    assert row["bias"].isna().tolist() == [False, True, False, False]
    assert metrics("volumes")["rim"]["excluded"] == 1


def test_identical_members_vary_by_nothing(with_gaps):
    assert metrics("volumes")["varnet"]["cv"]["median"] == 0
    assert metrics("prediction")["varnet"]["n"]["undefined"] > 0
    assert metrics("volumes")["rim"]["cv"]["median"] > 0


def test_training_curves_are_collected(of_two):
    found = table("training")
    assert found.groupby(["group", "seed"]).ngroups == 6
    assert found["validation_psnr"].notna().any()
    assert len(found) == 6 * 60
    kept = table("kept")
    assert kept["step"].tolist() == 6 * [KEPT_STEP]
    assert kept["validation_psnr"].to_numpy() == pytest.approx(30 - 10 / KEPT_STEP)
    steps = dict.fromkeys(("min", "median", "max"), KEPT_STEP)
    assert metrics("training")["rim"] == {"kept_step": steps, "n": {"members": 2}}


def test_a_member_without_curves_changes_nothing_for_the_others(
    of_two, analysed, tmp_path, monkeypatch
):
    before = table("training", dtype=str)
    monkeypatch.chdir(shutil.copytree(Path(), tmp_path / "changed"))
    curves = layout.model("rim", 1) / "curves.csv"
    curves.write_text(curves.read_text().splitlines()[0] + "\n")
    # no other question reads a training curve, and the headline is of theirs
    asked = {"training": QUESTIONS["training"], "headline": lambda *_: Answer()}
    monkeypatch.setattr(catalogue, "QUESTIONS", asked)
    analyse.main()
    after = table("training", dtype=str)
    others = before[(before["group"] != "rim") | (before["seed"] != "1")]
    pd.testing.assert_frame_equal(after, others.reset_index(drop=True))


def test_subject_pattern_leaves_subjects_out(analysed):
    path = layout.metric("analyse", "prediction")
    alone, together = (
        json.loads((analysed(Study(), *changed)[0] / path).read_text())["rim"]["controls"]
        for changed in ((), (scan_each_subject_twice,))
    )
    left_out = [each["summary"]["leave_one_subject_out"] for each in (alone, together)]
    assert left_out[0] != left_out[1]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("structures", ["hippocampus", "soul"], ["unknown structure 'soul'", "known:"]),
        ("structures", ["caudate", "caudate"], ["must be different"]),
        ("subject_pattern", "e\\d+", ["one group"]),
        ("subject_pattern", "(", ["regular expression"]),
    ],
)
def test_faulty_parameters_are_one_line(folder, error_line, key, value, words):
    write_study(folder, Study(n_members=2, n_draws=2, n_scans=2))
    change_params(folder, "analyse", key, value)
    line = error_line(analyse.main)
    assert all(word in line for word in words), line


def test_missing_tables_are_one_line(folder, error_line):
    write_study(folder, Study(n_members=2, n_draws=2, n_scans=2))
    assert "found none; run `dvc repro`" in error_line(analyse.main)
    assert not layout.METRICS.exists()


def test_statistics_need_no_torch():
    code = "import sys, stages.analyse, stages.measure; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_quality_rows_average_over_scans(of_two):
    found = table("image_quality")
    chosen = found[(found["group"] == "rim") & (found["range"] == "challenge")]
    chosen = chosen[chosen["slices"] == "brain"]
    expected = metrics("image_quality")["rim"]["psnr"]["mean"]
    assert np.mean(chosen["psnr"]) == pytest.approx(expected, rel=1e-5)
