"""A lock file is rewritten to the same bytes as DVC would write."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from dvc import dvcfile
from dvc.utils.serialize import dumps_yaml, load_yaml, modify_yaml
from hypothesis import given
from hypothesis import strategies as st

from stages.pipeline import lock_file
from tests.fabricated import ROOT

Modify = Callable[..., AbstractContextManager[dict[str, Any]]]

LINES = st.text(st.sampled_from("ab:#-'\"{}[] \n\té%&*!|>?,0."), max_size=30)
NUMBERS = [0.0, -0.5, 1e-5, 1.25e-7, 3e22, 0.1 + 0.2, float("inf")]  # DVC rewrites subnormal ones
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(NUMBERS) | LINES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LINES, inner, max_size=3),
    max_leaves=8,
)
ENTRIES = st.dictionaries(st.sampled_from(["cmd", "deps", "params", "outs"]), VALUES, min_size=1)
NAMES = st.sampled_from(["train@0", "train@1", "a/b", "a" * 150, "yes", "12", "é"])


def written(modify: Modify, path: Path, text: str, changes: dict[str, Any]) -> str:
    """Return a lock file of a text after some stages have new entries."""
    path.write_text(text, encoding="utf-8")
    with modify(str(path)) as data:
        data["stages"].update(deepcopy(changes))
    return path.read_text(encoding="utf-8")


def test_dvc_asks_where_it_is_patched() -> None:
    assert dvcfile.modify_yaml is modify_yaml


@given(before=st.dictionaries(NAMES, ENTRIES, min_size=1), changes=st.dictionaries(NAMES, ENTRIES))
def test_same_bytes_for_any_entries(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, Any], changes: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("lock") / "dvc.lock"
    text = dumps_yaml({"schema": "2.0", "stages": before})
    expected = written(modify_yaml, path, text, changes)
    assert written(lock_file.modified, path, text, changes) == expected


def test_same_bytes_for_the_study(tmp_path: Path) -> None:
    text = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    stages = load_yaml(ROOT / "dvc.lock")["stages"]
    first, last = min(stages), max(stages)
    changes = {first: stages[last], last: {"cmd": "other"}, "new@stage-0": stages[first]}
    path = tmp_path / "dvc.lock"
    assert lock_file.text_of_lock(str(ROOT / "dvc.lock")) == text
    quick = written(lock_file.modified, path, text, changes)
    assert quick == written(modify_yaml, path, text, changes)
    assert quick != text


@pytest.mark.parametrize(
    "text",
    [
        "schema: '2.0'\nstages:\n  a:\n    cmd: b  # said by hand\ndatasets: []\n",
        "# by hand\nschema: '2.0'\nstages:\n  a:\n    cmd: b\n",
        "stages:\n  a:\n    cmd: b\nschema: '2.0'\n",
        "schema: '2.0'\nstages: {a: {cmd: b}}\n",
    ],
)
def test_other_files_are_left_to_dvc(tmp_path: Path, text: str) -> None:
    path = tmp_path / "dvc.lock"
    path.write_text(text)
    assert lock_file.text_of_lock(str(path)) is None
    expected = written(modify_yaml, path, text, {"new": {"cmd": "c"}})
    assert written(lock_file.modified, path, text, {"new": {"cmd": "c"}}) == expected


def test_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    for number, modify in enumerate((modify_yaml, lock_file.modified)):
        with modify(str(tmp_path / "dvc.lock")) as data:
            assert data == {}
            data.update(schema="2.0", stages={"a": {"cmd": "b"}})
        (tmp_path / "dvc.lock").rename(tmp_path / f"lock{number}")
    assert (tmp_path / "lock0").read_bytes() == (tmp_path / "lock1").read_bytes()
