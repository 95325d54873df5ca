"""That `mypy`, which `make lint` runs, is strict enough to find what it is there for."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fabricated import ROOT

RIGHT = """
from pathlib import Path


def n_lines(path: Path) -> int:
    return len(path.read_text().splitlines())
"""


def checked(source: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Return what mypy says of a new module of this source, with the project's configuration."""
    path.write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
    command += ["--cache-dir", str(path.parent / "cache"), str(path)]
    return subprocess.run(command, capture_output=True, text=True, cwd=path.parent)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose cache all cases share: the standard library is read once."""
    return tmp_path_factory.mktemp("typing")


def test_a_right_module_passes(folder: Path) -> None:
    found = checked(RIGHT, folder / "right.py")
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("-> int", "-> str", "return-value"),
        (" -> int", "", "no-untyped-def"),
        ("-> int", "-> list", "type-arg"),
        ("path.read_text()", "path.read_texts()", "attr-defined"),
        ("splitlines())", "splitlines())  # type: ignore[return-value]", "unused-ignore"),
    ],
)
def test_a_wrong_one_fails(folder: Path, old: str, new: str, code: str) -> None:
    assert old in RIGHT
    found = checked(RIGHT.replace(old, new), folder / f"{code.replace('-', '_')}.py")
    assert found.returncode == 1, found.stdout + found.stderr
    assert f"[{code}]" in found.stdout
