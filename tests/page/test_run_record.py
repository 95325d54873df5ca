"""Revision, machine, durations; and the notes that scripts leave."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.page import run_record
from stages.storage.files import read_json, write_json
from stages.study import layout
from tests.fabricated import ROOT

SCRIPT = """
import sys
from stages.machine.entry import entry_point
from stages.study.errors import StudyError
@entry_point
def main():
    if "fail" in sys.argv:
        raise StudyError("a fault")
if __name__ == "__main__":
    main()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def git(*arguments: str) -> None:
    """Run Git as somebody."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


def test_the_revision_says_whether_files_differ(folder: Path) -> None:
    assert run_record.revision() == "not in Git"
    git("init", "-q")
    Path("a").write_text("1")
    git("add", "a")
    git("commit", "-q", "-m", "a")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    assert run_record.revision() == f"{commit.strip()}, as committed"
    Path("a").write_text("2")
    assert run_record.revision() == f"{commit.strip()}, with uncommitted changes"


def test_durations_are_those_of_stages_that_ran_here(folder: Path) -> None:
    assert run_record.durations() == ([], 0)
    stages = {
        "train-rim@rim-0": {"cmd": "python -m stages.train rim 0"},
        "train-rim@rim-1": {"cmd": "python -m stages.train rim 1"},
        "analyse": {"cmd": "python -m stages.analyse"},
    }
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    note = {"seconds": 61.25, "cpu_seconds": 50.0, "peak_mib": 900.4}
    for command in ("train rim 0", "analyse", "train rim 7"):
        write_json(layout.duration(command), note)
    found, missing = run_record.durations()
    assert sorted(found) == [
        ("analyse", "61.2", "50.0", "900"),
        ("train-rim@rim-0", "61.2", "50.0", "900"),
    ]
    assert missing == 1
    assert "1 stages have no record" in run_record.take("none").remark


def test_the_machine_is_told_without_its_name(folder: Path) -> None:
    import platform

    told = dict(run_record.machine())
    assert int(told["cores"]) >= 1
    assert float(told["memory"].split()[0]) > 0
    assert platform.node() not in " ".join(told.values())


def test_a_script_that_went_well_leaves_a_note(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("slow.py").write_text(SCRIPT)
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{ROOT}")

    def run(*arguments: str) -> int:
        return subprocess.run(
            [sys.executable, "-m", "slow", *arguments], capture_output=True
        ).returncode

    assert run("a", "0") == 0
    assert not layout.DURATIONS.exists()  # no study runs here
    layout.CODE.mkdir(parents=True)
    assert run("a", "0") == 0
    assert run("fail") == 1
    assert [path.name for path in layout.DURATIONS.iterdir()] == ["slow-a-0.json"]
    note = read_json(layout.duration("slow a 0"))
    assert set(note) == {"seconds", "cpu_seconds", "peak_mib"}
    assert 0 <= note["cpu_seconds"] < 60
    assert note["peak_mib"] > 1
