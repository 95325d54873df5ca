"""`make` with an environment that `.venv` is a link to: nothing is installed."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from stages.commands import environment
from tests.scans import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the study's Makefile and requirements, and no environment."""
    folder = tmp_path / "clone"
    (folder / "stages/commands").mkdir(parents=True)
    for name in ("Makefile", "requirements.txt", "stages/commands/environment.py"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def make(clone: Path) -> subprocess.CompletedProcess:
    """Ask make for the environment; a new one could not be built."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", "--no-print-directory", "environment", "PYTHON=false"],
        cwd=clone,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_linked_environment_is_used_as_it_is(clone: Path) -> None:
    before = sorted(Path(sys.prefix).iterdir())
    (clone / ".venv").symlink_to(sys.prefix)
    done = make(clone)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(Path(sys.prefix).iterdir()) == before
    assert (clone / ".venv").is_symlink()


def test_one_of_other_versions_is_one_line(clone: Path) -> None:
    (clone / ".venv").symlink_to(sys.prefix)
    with open(clone / "requirements.txt", "a", encoding="utf-8") as file:
        file.write('\nnothing-of-that-name==1.0\npytest==0.1; sys_platform == "linux"\n')
    done = make(clone)
    assert done.returncode != 0
    line = done.stderr.splitlines()[0]
    assert line.startswith(
        f"error: {Path(sys.prefix).resolve()}: expected the versions of requirements.txt: "
    )
    assert "nothing-of-that-name==1.0 (got none)" in line
    assert "remove the link (`rm .venv`)" in line


def test_an_empty_one_is_one_line(clone: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "empty", symlinks=True, with_pip=False)
    (clone / ".venv").symlink_to(tmp_path / "empty")
    line = make(clone).stderr.splitlines()[0]
    assert line.startswith(
        f"error: {(tmp_path / 'empty').resolve()}: expected the versions of requirements"
    )
    assert " more; install them there" in line


def test_a_link_to_nothing_is_one_line(clone: Path) -> None:
    (clone / ".venv").symlink_to("nowhere")
    line = make(clone).stderr.splitlines()[0]
    assert line == (
        "error: .venv: expected an environment, found a link to nowhere, where there is no"
        " bin/python; remove it (rm .venv)"
    )


def test_without_one_it_is_built(clone: Path) -> None:
    done = make(clone)
    assert done.returncode != 0
    assert "false: expected Python 3.12 or newer" in done.stderr  # the first step of building
    (clone / ".venv").mkdir()
    (clone / ".venv/.installed").touch()  # newer than what it was built from
    assert make(clone).returncode == 0


def test_every_line_of_the_requirements_is_a_pin() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(environment.pins(text)) == len(lines) > 100
