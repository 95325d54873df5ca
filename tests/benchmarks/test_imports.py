"""No benchmark falls behind what it measures: each still finds all that it calls."""

from importlib import import_module
from pathlib import Path

import pytest

FILES = Path(__file__).parent.glob("*.py")
NAMES = sorted(path.stem for path in FILES if not path.stem.startswith(("_", "test")))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_can_be_imported(name: str) -> None:
    assert import_module(f"tests.benchmarks.{name}").__doc__
