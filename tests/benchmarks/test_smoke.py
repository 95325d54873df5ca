"""Benchmarks run at their smallest size and print numbers: none falls behind what it measures.

A benchmark is a module of this folder with a `main`, or a package that can be run.
"""

import gc
import math
import re
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
HELP_ALONE = {
    "full_size": "more than twenty CPU-seconds at its smallest size",
    "gpu": "a minute; test_gpu.py runs all of it",
    "implant": "more than twelve CPU-seconds at its smallest size",
    "segmenter_spread": "a minute; test_segmenter_spread.py has its numbers",
    "roundings": "it runs the default study three times; test_roundings.py has its table",
}
"""Benchmarks that cannot be tiny, and why: of them only the help is printed."""
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
UNDEFINED = re.compile(r"\b(?:nan|inf)\b", re.IGNORECASE)


def benchmarks() -> list[str]:
    """Return the names of all benchmarks."""
    texts = {path.stem: path for path in FOLDER.glob("*.py") if not path.stem.startswith("test_")}
    texts |= {path.parent.name: path for path in FOLDER.glob("*/__main__.py")}
    return sorted(n for n, path in texts.items() if "\ndef main(" in path.read_text("utf-8"))


def main_of(name: str) -> tuple[Any, Callable[[list[str]], None]]:
    """Return the module of a benchmark and what it runs."""
    package = (FOLDER / name).is_dir()
    module = import_module(f"tests.benchmarks.{name}{'.__main__' * package}")
    return module, module.main


def in_this_process(function: Callable, *arguments: Any) -> Any:
    """Stand in for `process.alone`, whose imports take longer than what is tiny."""
    return function(*arguments)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")
@pytest.mark.parametrize("name", [name for name in benchmarks() if name not in HELP_ALONE])
def test_a_tiny_benchmark_prints_finite_numbers(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    module, main = main_of(name)
    monkeypatch.chdir(tmp_path)
    if hasattr(module, "alone"):
        monkeypatch.setattr(module, "alone", in_this_process)
    try:
        main(["--tiny"])
    except SystemExit as stopped:  # that says whether all lines hold, which tiny ones need not
        assert stopped.code in (0, 1)
    with warnings.catch_warnings():  # DIRECT's writers leave files open; here, not in another test
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    printed = capsys.readouterr().out
    assert not UNDEFINED.search(printed), printed
    lines = [line for line in printed.splitlines() if NUMBER.search(line)]
    assert lines, printed
    assert all(math.isfinite(float(each)) for line in lines for each in NUMBER.findall(line))


@pytest.mark.parametrize("name", HELP_ALONE)
def test_a_benchmark_that_cannot_be_tiny_says_what_it_does(
    name: str, capsys: pytest.CaptureFixture
) -> None:
    module, main = main_of(name)
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert " ".join(module.__doc__.splitlines()[0].split()) in said
