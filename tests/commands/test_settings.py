"""`python -m stages settings`: laying an overlay over the default parameters."""

import shutil
from pathlib import Path

import pytest
import yaml

from stages.commands import settings
from tests.fabricated import ROOT

OVERLAY = "mask: {acceleration: 10.0}\nsegmenter: {seed: 3}\n"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the default parameters and an overlay of its own."""
    for path in ROOT.glob("params*.yaml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "params.own.yaml").write_text(OVERLAY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_writes_the_parameters_and_prints_the_changes(
    study: Path, capsys: pytest.CaptureFixture
) -> None:
    settings.main(["own"])
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["mask.acceleration: 5.0 -> 10.0", "segmenter.seed: 0 -> 3"]
    assert yaml.safe_load(Path("params.yaml").read_text())["mask"]["acceleration"] == 10.0
    settings.main(["own"])
    assert capsys.readouterr().out == "own: nothing differs\n"


def test_prints_the_parameters_and_leaves_the_files(
    study: Path, capsys: pytest.CaptureFixture
) -> None:
    before = Path("params.yaml").read_text()
    settings.main(["own", "--print"])
    assert yaml.safe_load(capsys.readouterr().out)["mask"]["acceleration"] == 10.0
    assert Path("params.yaml").read_text() == before


def test_writes_to_another_folder(study: Path) -> None:
    before = Path("params.yaml").read_text()
    settings.main(["own", "--out", "other"])
    assert yaml.safe_load(Path("other/params.yaml").read_text())["mask"]["acceleration"] == 10.0
    assert Path("params.yaml").read_text() == before


def test_refuses_what_the_schema_refuses(study: Path, capsys: pytest.CaptureFixture) -> None:
    before = Path("params.yaml").read_text()
    Path("params.own.yaml").write_text("mask: {acceleration: 0.5}\n")
    with pytest.raises(SystemExit):
        settings.main(["own"])
    assert "params.own.yaml over params.yaml: 'mask.acceleration'" in capsys.readouterr().err
    assert Path("params.yaml").read_text() == before
