"""What DVC recorded in a revision, and revisions that are not finished."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dvc.repo import Repo

from stages.pipeline.repository import opened
from stages.pipeline.revisions import read_recorded
from stages.storage.files import md5
from stages.study.errors import StudyError

STAGES = """\
stages:
  make: {cmd: cp seed made, deps: [seed], outs: [made]}
  use: {cmd: cp made used, deps: [made], params: [a], outs: [used: {cache: false}]}
  other: {cmd: cp made last, deps: [made], params: [b], outs: [last]}
  many:
    cmd: mkdir -p all && cp made all/a && cp made all/b
    deps: [made]
    outs: [all: {cache: false}]
"""


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A finished study under Git, and a function that commits all under a tag."""
    monkeypatch.chdir(tmp_path)

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)

    def commit(tag: str) -> None:
        run("git", "add", "-A")
        run("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", tag)
        run("git", "tag", tag)

    run("git", "init", "-q")
    Path("dvc.yaml").write_text(STAGES)
    Path("params.yaml").write_text("a: 1\nb: 2\n")
    Path("seed").write_text("one\n")
    Repo.init().close()
    with opened(tmp_path) as repo:
        repo.reproduce()
    commit("first")
    return commit


def test_hashes_and_texts_are_those_of_the_revision(save: Callable[[str], None]) -> None:
    before = md5("made")
    Path("seed").write_text("two\n")
    with opened(Path()) as repo:
        repo.reproduce()
    save("second")
    found = {name: read_recorded(name, ["used", "params.yaml"]) for name in ("first", "second")}
    assert found["first"].texts == {"used": "one\n", "params.yaml": "a: 1\nb: 2\n"}
    assert found["second"].texts["used"] == "two\n"
    assert found["first"].hashes["made"] == before
    assert found["second"].hashes["made"] == found["second"].hashes["seed"] == md5("made")


def test_an_unfinished_study_is_one_line(save: Callable[[str], None]) -> None:
    Path("seed").write_text("two\n")
    with opened(Path()) as repo:
        repo.reproduce("make", single_item=True)
    save("half")
    with pytest.raises(StudyError, match="revision 'half': expected one version of made"):
        read_recorded("half", ["used"])


def test_a_result_that_was_edited_is_one_line(save: Callable[[str], None]) -> None:
    Path("used").write_text("better\n")
    save("edited")
    with pytest.raises(StudyError, match="revision 'edited': expected one version of used"):
        read_recorded("edited", ["used"])


@pytest.mark.parametrize("change", [lambda p: p.write_text("better\n"), Path.unlink])
def test_a_folder_of_results_that_was_edited_is_one_line(
    save: Callable[[str], None], change: Callable[[Path], object]
) -> None:
    assert read_recorded("first", ["all/a"]).texts == {"all/a": "one\n"}
    change(Path("all/b"))
    save("edited")
    with pytest.raises(StudyError, match="revision 'edited': expected one version of all in"):
        read_recorded("edited", ["all/a"])


@pytest.mark.parametrize(("name", "file"), [("none", "used"), ("first", "missing")])
def test_what_is_not_there_is_one_line(save: Callable[[str], None], name: str, file: str) -> None:
    with pytest.raises(StudyError, match=f"revision '{name}': expected a finished study"):
        read_recorded(name, [file])
