"""The record of the code that a stage script runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from stages.provenance.code import closure, data_files, digests, imported, scripts
from stages.study.errors import StudyError
from tests.fabricated import ROOT

TABLE = '{"a": 1}'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one script that imports one module, which reads a table beside it."""
    room = tmp_path / "stages" / "room"
    room.mkdir(parents=True)
    (tmp_path / "stages/__init__.py").write_text('"""The package."""\n')
    (room / "__init__.py").write_text("")
    (room / "table.json").write_text(TABLE)
    (room / "other.json").write_text(TABLE)
    (room / "wall.py").write_text('NAME = "table.json"  # beside\n\n\ndef f():\n    return 1\n')
    (tmp_path / "stages/run.py").write_text(
        '"""A script."""\n\nfrom stages.machine.address_space.wall import f\n\nif __name__ == "__main__":\n    f()\n'
    )
    return tmp_path


def copied(project: Path, folder: Path, name: str, text: str) -> Path:
    """A copy of the project with one file rewritten."""
    import shutil

    shutil.copytree(project / "stages", folder / "stages")
    (folder / name).write_text(text)
    return folder


def test_a_record_holds_modules_and_the_data_they_name(project: Path) -> None:
    assert scripts(project) == ["stages.run"]
    found = digests("stages.run", project)
    assert list(found) == ["stages/room/wall.py", "stages/room/table.json", "stages/run.py"]
    assert [f.name for f in data_files(project / "stages/room/wall.py")] == ["table.json"]


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        (
            "stages/room/wall.py",
            'NAME = "table.json"\ndef f():\n    """One."""\n    return 1',
            True,
        ),
        ("stages/room/wall.py", 'NAME = "table.json"\ndef f():\n    return 2', False),
        ("stages/room/table.json", '{"a": 2}', False),
        ("stages/room/other.json", '{"a": 2}', True),
        ("stages/__init__.py", '"""Other words."""', True),
        ("stages/__init__.py", "import os", False),
    ],
)
def test_only_what_is_run_changes_a_record(
    project: Path, tmp_path_factory: pytest.TempPathFactory, name: str, text: str, same: bool
) -> None:
    changed = copied(project, tmp_path_factory.mktemp("changed"), name, text)
    assert (digests("stages.run", changed) == digests("stages.run", project)) == same


def test_a_folder_that_a_module_names_counts_with_its_files(project: Path) -> None:
    wall = project / "stages/room/wall.py"
    wall.write_text('FOLDER, ROOM = "templates", "inner"\n')
    for name in (
        "templates/deep/page.j2",
        "templates/style.css",
        "inner/__init__.py",
        "inner/b.csv",
    ):
        file = project / "stages/room" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    assert [file.name for file in data_files(wall)] == ["page.j2", "style.css"]


def test_a_broken_module_is_named(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    broken = copied(project, tmp_path_factory.mktemp("broken"), "stages/room/wall.py", "def f(:\n")
    with pytest.raises(StudyError, match=r"wall\.py: expected Python, got: .*; mend the file"):
        digests("stages.run", broken)


def test_imports_inside_functions_count() -> None:
    assert "stages.segmenters.synthseg.keras" in imported(
        ROOT / "stages/segmenters/synthseg/weight_files.py", ROOT
    )


@pytest.mark.parametrize("script", ["stages.phantom", "stages.analyse", "stages.measure"])
def test_records_hold_all_that_python_really_loads(script: str) -> None:
    code = f"import sys, {script}; print(*[m for m in sys.modules if m.split('.')[0] == 'stages'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) <= closure(script, ROOT)
