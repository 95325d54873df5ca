"""Groups of images from elsewhere beside the networks of a study of k-space."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages import (
    analyse,
    deformation,
    image_quality,
    import_images,
    measure,
    overlap,
    report,
    segment,
)
from stages.audit.beside import check_beside
from stages.audit.writing import BESIDE
from stages.commands import external
from stages.study import layout
from stages.study.errors import StudyError
from tests.audit.test_same_numbers import FEW, NOT_OF_A_GROUP, exported, leaves
from tests.fabricated import ROOT, Study, change_params, measure_study, plain_quality, write_study

STUDY = Study(n_members=4, n_draws=2, n_scans=4, truth=False)
OWN, OTHER = "unet", "borrowed"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fabricated study whose parameters name its own images under another name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(image_quality, "quality", plain_quality)
    write_study(tmp_path, STUDY)
    for key, value in FEW.items():
        change_params(tmp_path, "analyse", key, value)
    change_params(tmp_path, "segment", "method", "files")
    exported(tmp_path, tmp_path / "elsewhere", OWN, STUDY.n_members)
    content = {"table": f"elsewhere/{OWN}.csv", "intensities": "stored"}
    change_params(tmp_path, "external", OTHER, content)
    return tmp_path


def test_a_group_beside_the_networks_has_the_numbers_of_the_same_images(study: Path) -> None:
    for script in (import_images, segment, measure, overlap, deformation, image_quality):
        if script is measure:
            measure_study(STUDY)
        script.main([OTHER])
    analyse.main()
    report.main()
    compared = set()
    for path in sorted((layout.METRICS / "analyse").glob("*.json")):
        content = json.loads(path.read_text())
        below = content.get("reference", content)
        expected = dict(leaves(content.get(OWN) or below.get(OWN, {})))
        found = dict(leaves(content.get(OTHER) or below.get(OTHER, {})))
        if path.stem in NOT_OF_A_GROUP or not expected:
            continue
        compared.add(path.stem)
        assert set(found) == set(expected), path.stem
        for key, value in expected.items():
            same = math.isclose(found[key], value, rel_tol=1e-5, abs_tol=1e-9)
            assert same, (path.stem, key, value, found[key])
    assert {"volumes", "prediction", "slopes", "overlap", "deformation"} <= compared
    written = Path("plots/report/report.html").read_text()
    assert "Borrowed" in written and "made elsewhere" in written


def test_the_command_writes_the_stages_that_dvc_runs_with_the_study(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StudyError, match="external/dvc.yaml: expected the stages of section"):
        check_beside()
    external.main([])
    check_beside()
    stages = yaml.safe_load(BESIDE.read_text())["stages"]
    assert all(stage["wdir"] == ".." for stage in stages.values())
    assert "elsewhere/unet_sub-e0s0_0.nii.gz" in stages["import-images-borrowed"]["deps"]
    (study / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    for command in (["init", "-q", "--no-scm"], ["stage", "list", "--name-only", BESIDE]):
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *map(str, command)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert "deformation-borrowed" in done.stdout
    change_params(study, "segment", "weights", "weights/atlas.npz")
    change_params(study, "segment", "method", "atlas")
    with pytest.raises(StudyError, match="got those of other groups, images or weights; run"):
        check_beside()
    change_params(study, "external", OTHER, {"volumes": "mine.csv"})
    with pytest.raises(SystemExit):
        external.main([])
    assert "expected images (table, folder or bids)" in capsys.readouterr().err
