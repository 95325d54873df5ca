"""The record of the code that a stage script runs."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.provenance.code import closure, data_files, digests, imported, scripts
from stages.study.errors import StudyError
from tests.fabricated import ROOT

FILES = {
    "stages/__init__.py": '"""The package."""\n',
    "stages/first.py": '''"""A script."""

import sys

from stages.helpers import numbers
from stages.helpers.words import greeting


def main():
    print(greeting(), numbers.TWO)


if __name__ == "__main__":
    main()
''',
    "stages/second.py": '''"""Another script, which needs a module that a string names."""

from stages.helpers.words import greeting

READER = "stages.helpers.lazy:read"

if __name__ == "__main__":
    greeting()
''',
    "stages/helpers/__init__.py": "",
    "stages/helpers/numbers.py": "TWO = 2\n",
    "stages/helpers/lazy.py": 'def read():\n    return "other"\n',
    "stages/helpers/words.py": '''NAME = "table.json"  # beside
"""A text behind a constant."""


def greeting():
    """Greet."""
    return 1
''',
    "stages/helpers/table.json": '{"a": 1}',
    "stages/helpers/unnamed.json": '{"a": 1}',
}
BOTH, FIRST, SECOND, NONE = {"first", "second"}, {"first"}, {"second"}, set()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two scripts that share a module, which reads a table beside it."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def replaced(file: str, old: str, new: str) -> Callable[[Path], None]:
    """Return a change: one text in the place of another."""

    def change(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new))

    return change


def moved(root: Path) -> None:
    """Move a module with its data into another package, and one out of its package."""
    (root / "stages/texts/deep").mkdir(parents=True)
    for name in ("words.py", "table.json"):
        shutil.move(root / "stages/helpers" / name, root / "stages/texts/deep" / name)
    shutil.move(root / "stages/helpers/lazy.py", root / "stages/texts/lazy.py")
    for script in ("first", "second"):
        replaced(f"stages/{script}.py", "stages.helpers.words", "stages.texts.deep.words")(root)
    replaced("stages/second.py", "stages.helpers.lazy", "stages.texts.lazy")(root)


def renamed(root: Path) -> None:
    """Rename modules, one that is imported as such too; sorted by name they change places."""
    shutil.move(root / "stages/helpers/words.py", root / "stages/helpers/a_words.py")
    shutil.move(root / "stages/helpers/numbers.py", root / "stages/helpers/z_numbers.py")
    first = (root / "stages/first.py").read_text()
    imports = (
        "from stages.helpers import numbers\nfrom stages.helpers.words import greeting\n",
        "from stages.helpers.a_words import greeting\nfrom stages.helpers import z_numbers\n",
    )
    first = first.replace(*imports).replace("numbers.TWO", "z_numbers.TWO")
    (root / "stages/first.py").write_text(first.replace("z_z_", "z_"))
    replaced("stages/second.py", "helpers.words", "helpers.a_words")(root)


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        (moved, NONE),
        (renamed, NONE),
        (replaced("stages/helpers/words.py", "# beside", "# another comment"), NONE),
        (replaced("stages/helpers/words.py", "Greet.", "Say hello."), NONE),
        (replaced("stages/helpers/words.py", "A text", "Other words"), NONE),
        (replaced("stages/helpers/words.py", "greeting():", "greeting() -> int:"), NONE),
        (replaced("stages/helpers/words.py", "return 1", "one: int = 1\n    return one"), BOTH),
        (replaced("stages/helpers/words.py", "return 1", "return 2"), BOTH),
        (replaced("stages/helpers/numbers.py", "2", "3"), FIRST),
        (replaced("stages/helpers/lazy.py", "other", "another"), SECOND),
        (replaced("stages/second.py", "greeting()\n", "greeting(), 1\n"), SECOND),
        (replaced("stages/helpers/table.json", "1", "2"), BOTH),
        (replaced("stages/helpers/unnamed.json", "1", "2"), NONE),
        (replaced("stages/__init__.py", "The package", "Other words"), NONE),
        (replaced("stages/__init__.py", '"""The package."""', "import os"), BOTH),
        (replaced("stages/first.py", "import greeting", "import greeting as other"), FIRST),
    ],
)
def test_only_what_is_run_makes_a_script_stale(
    project: Path, change: Callable[[Path], None], stale: set[str], tmp_path_factory
) -> None:
    other = tmp_path_factory.mktemp("changed") / "project"
    shutil.copytree(project, other)
    change(other)
    before, after = (digests(["stages.first", "stages.second"], p) for p in (project, other))
    assert {name.split(".")[1] for name in before if before[name] != after[name]} == stale


def test_what_is_imported_for_type_checkers_alone_does_not_count(project: Path) -> None:
    (project / "stages/third.py").write_text(
        "from typing import TYPE_CHECKING\n\n"
        "if TYPE_CHECKING:\n    from stages.helpers import numbers\n"
    )
    assert closure("stages.third", project) == {"stages.third", "stages"}


def test_scripts_and_the_data_that_a_module_names(project: Path) -> None:
    assert scripts(project) == ["stages.first", "stages.second"]
    assert [f.name for f in data_files(project / "stages/helpers/words.py")] == ["table.json"]


def test_a_folder_that_a_module_names_counts_with_its_files(project: Path) -> None:
    module = project / "stages/helpers/words.py"
    module.write_text('FOLDER, PACKAGE = "templates", "inner"\n')
    for name in ("templates/deep/page.j2", "templates/style.css", "inner/__init__.py", "inner/b"):
        file = project / "stages/helpers" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    assert [file.name for file in data_files(module)] == ["page.j2", "style.css"]


def test_a_broken_module_is_named(project: Path) -> None:
    (project / "stages/helpers/words.py").write_text("def f(:\n")
    with pytest.raises(StudyError, match=r"words\.py: expected Python, got: .*; correct the file"):
        digests(["stages.first"], project)


def test_a_circle_of_imports_is_named(project: Path) -> None:
    text = "def f():\n    from stages.helpers import words\n\n    return words\n"
    (project / "stages/helpers/numbers.py").write_text(text)
    (project / "stages/helpers/words.py").write_text("from stages.helpers.numbers import f\n")
    circle = r"stages\.helpers\.numbers -> stages\.helpers\.words -> stages\.helpers\.numbers"
    with pytest.raises(StudyError, match=circle):
        digests(["stages.first"], project)


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
