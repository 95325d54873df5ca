"""What the page was made from: nothing but what its stage depends on."""

import hashlib
from pathlib import Path

import pytest
import yaml

from stages.page.sources import combined, dependencies, parameters, sources, versions
from stages.params.ensembles import EnsembleParams
from stages.params.segment import SegmentParams
from stages.storage.files import md5
from stages.study import layout
from tests.fabricated import ROOT, Study, write_params


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with parameters, two records of code of which one counts, and one model."""
    monkeypatch.chdir(tmp_path)
    write_params(Path("params.yaml"), Study(n_members=2))
    stage = {
        "deps": ["work/code/train.json", "data"],
        "params": ["mask", "compute.device", "train"],
    }
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"report": stage}}))
    for path in (layout.CODE / "train.json", layout.CODE / "plan.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    model = layout.model("unet", 0) / "model.pt"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"weights")
    return tmp_path


def test_sources_are_those_of_the_stage(project: Path) -> None:
    found = sources(EnsembleParams.load(), SegmentParams.load())
    by_name = {(part.kind, part.name): part.digest for part in found}
    assert by_name["data", "not tracked by DVC"] == ""
    assert by_name["model", "unet 0"] == hashlib.md5(b"weights").hexdigest()
    assert by_name["model", "rim 1"] == ""
    assert by_name["code", "train"] == md5(layout.CODE / "train.json")
    assert ("code", "plan") not in by_name


def test_the_data_have_the_hash_of_dvc(project: Path) -> None:
    out = {"md5": "abc.dir", "size": 12, "nfiles": 3, "path": "data"}
    Path("data.dvc").write_text(yaml.safe_dump({"outs": [out]}))
    (first, *_) = sources(EnsembleParams.load(), SegmentParams.load())
    assert (first.name, first.digest) == ("3 files, 12 bytes", "abc.dir")


def test_parameters_are_those_of_the_stage_with_defaults(project: Path) -> None:
    found = parameters()
    assert list(found) == ["mask", "compute.device", "train"]
    assert found["compute.device"] == "auto"
    trained = yaml.safe_load(found["train"])
    assert list(trained) == ["unet", "varnet", "rim"]
    assert trained["rim"]["schedule"]["decay_factor"] == 0.2
    Path("dvc.yaml").unlink()
    assert dependencies("deps") == []


def test_one_hash_of_several_files_tells_names_and_content(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "ab"]
    for path in paths:
        path.write_text("same")
    both = combined(paths)
    assert both != combined(paths[:1])
    paths[1].write_text("other")
    assert both != combined(paths)


def test_versions_are_those_that_requirements_pin() -> None:
    pinned = dict(
        line.split(";")[0].split("==")
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if "==" in line
    )
    found = versions()
    del found["Python"]
    assert found == {name: pinned[name] for name in found}
