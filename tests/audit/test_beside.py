"""Groups of images from elsewhere beside the networks of a study of k-space."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.audit.beside import check_beside
from stages.audit.writing import BESIDE
from stages.commands import external
from stages.study.errors import StudyError
from tests.audit.test_same_numbers import OTHER, OWN, STUDY, exported
from tests.fabricated import ROOT, change_params, write_study


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fabricated study whose parameters name its own images under another name."""
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, STUDY)
    change_params(tmp_path, "segment", "method", "files")
    exported(tmp_path, tmp_path / "elsewhere", OWN, STUDY.n_members)
    content = {"table": f"elsewhere/{OWN}.csv", "intensities": "stored"}
    change_params(tmp_path, "external", OTHER, content)
    return tmp_path


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
