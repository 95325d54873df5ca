"""Published studies: what is copied, what the manifest says, and that changes are found."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from stages.commands import publish, verify
from stages.pipeline.revisions import read_revision
from stages.provenance import publication
from stages.provenance.publication import (
    MANIFEST,
    PLAN,
    faults,
    hashes,
    is_publication,
    locked,
    manifest,
    write,
)
from stages.storage.files import md5
from stages.study.errors import StudyError

LOCK = {
    "a": {"cmd": "x", "deps": [{"path": "data", "md5": "1.dir"}], "outs": [{"path": "b"}]},
    "b": {"cmd": "y", "deps": [{"path": "data", "md5": "1.dir"}, {"path": "c", "md5": "2"}]},
}
ABOUT = {"version": "1.2.3", "revision": "abc, as committed"}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small finished study in Git, in the current directory."""
    monkeypatch.chdir(tmp_path)
    files = {
        "params.yaml": "segment: {method: atlas}\n",
        "params.segmenters.yaml": "atlas: {seed: 3}\n",
        "dvc.yaml": "stages: {}\n",
        "dvc.lock": yaml.safe_dump({"stages": LOCK}),
        "metrics/analyse/volumes.json": '{"unet": {"cv": {"median": 1.5}}}',
        "plots/analyse/cv.csv": "a\n1\n",
        "plots/report/report.html": "<p>without a record</p>",
        "report.html": "<p>with a record</p>",
        str(PLAN): "# Plan\n",
    }
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", str(PLAN)], ["commit", "-qm", "plan"]):
        subprocess.run([*git, *command], check=True)
    return tmp_path


def test_a_publication_holds_what_it_rests_on_and_knows_its_files(study: Path) -> None:
    write(Path("results/mine"), Path("report.html"), ABOUT)
    folder = Path("results/mine")
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert names == {
        *("params.yaml", "params.segmenters.yaml", "pipeline.yaml", "dvc.lock", "report.html"),
        *("metrics/analyse/volumes.json", "plots/analyse/cv.csv", PLAN.name, MANIFEST),
    }
    assert (folder / "report.html").read_text() == "<p>with a record</p>"
    write(Path("fewer"), Path("report.html"), ABOUT, without=[Path("metrics/analyse/volumes.json")])
    assert not (Path("fewer") / "metrics/analyse/volumes.json").exists()
    assert not list(faults(Path("fewer")))
    found = manifest(folder)
    assert found["version"] == "1.2.3"
    assert found["rests_on"] == {"c": "2", "data": "1.dir"}
    assert found["files"] == {name: md5(folder / name) for name in sorted(names - {MANIFEST})}
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert found["plan"]["commit"] == head.stdout.strip() and found["plan"]["md5"] == md5(PLAN)
    assert is_publication(folder) and not is_publication(study)
    assert list(faults(folder)) == []
    revision = read_revision("results/mine", ["volumes"])
    assert revision.params == {"segment": {"method": "atlas"}, "atlas": {"seed": 3}}
    assert revision.metrics["volumes"]["unet"]["cv"]["median"] == 1.5


def test_changes_are_found(study: Path, capsys: pytest.CaptureFixture[str], error_line) -> None:
    folder = Path("published")
    write(folder, Path("report.html"), ABOUT)
    verify.main([str(folder)])
    assert "8 hashes hold" in capsys.readouterr().out
    (folder / "params.yaml").write_text("other: 1\n")
    (folder / "report.html").unlink()
    (folder / "new").write_text("")
    lines = list(faults(folder))
    assert [line.split(":")[0] for line in lines] == [
        f"published/{name}" for name in ("new", "params.yaml", "report.html")
    ]
    assert "expected the files of the manifest, got 3" in error_line(
        lambda: verify.main([str(folder)])
    )
    write(folder, Path("report.html"), ABOUT)  # in place of the old one
    assert list(faults(folder)) == []
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(content | {"rests_on": {}}))
    assert "expected the hashes of dvc.lock" in next(faults(folder))


def test_numbers_alone_can_be_published(study: Path) -> None:
    Path("plots/report/figure2.png").write_bytes(b"picture")
    folder = Path("numbers")
    write(folder, None, ABOUT)
    assert not (folder / "report.html").exists() and not (folder / "plots/report").exists()
    assert (folder / "plots/analyse/cv.csv").is_file() and list(faults(folder)) == []


def test_what_cannot_be_published(study: Path, monkeypatch: pytest.MonkeyPatch, error_line) -> None:
    with pytest.raises(StudyError, match="metrics: expected a new folder or one with manifest"):
        write(Path("metrics"), Path("report.html"), ABOUT)
    assert not (study / "metrics" / MANIFEST).exists()
    two = LOCK | {"c": {"cmd": "z", "outs": [{"path": "data", "md5": "3.dir"}]}}
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": two}))
    with pytest.raises(StudyError, match="one version of data, got two; run `dvc repro`"):
        write(Path("new"), Path("report.html"), ABOUT)
    assert not Path("new").exists()
    write(Path("new"), Path("report.html"), ABOUT, stages={"a", "b"})  # c is of a former study
    assert locked(Path("new/dvc.lock")) == LOCK
    assert list(faults(Path("new"))) == []
    Path("dvc.lock").unlink()
    with pytest.raises(StudyError, match=r"dvc\.lock: expected the lock file"):
        locked(publication.LOCK)
    assert "--numbers: expected --to" in error_line(lambda: publish.main(["--numbers"]))
    monkeypatch.setattr("stages.pipeline.repository.changed", lambda _: {"analyse", "report"})
    line = error_line(lambda: publish.main(["--to", "newer"]))
    assert "analyse, report: expected a finished study, got 2 stages out of date" in line


def test_manifests_of_other_formats_are_refused(study: Path) -> None:
    folder = Path("other")
    folder.mkdir()
    (folder / MANIFEST).write_text('{"format": "study-0", "files": {}}')
    with pytest.raises(StudyError, match="expected a manifest of format study-1"):
        manifest(folder)
    assert hashes(folder) == {}


def test_a_plan_outside_of_git_has_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert publication.last_change(PLAN) == {}
