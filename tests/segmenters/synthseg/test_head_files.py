"""Heads of a training as files."""

from pathlib import Path

import numpy as np
import pytest

from stages.segmenters.synthseg import head_files
from stages.segmenters.synthseg.anatomy import Anatomy
from stages.segmenters.synthseg.head_files import kept


def head(value: int) -> Anatomy:
    return Anatomy(
        np.full((4, 5, 6), value, np.uint8), np.zeros((4, 5, 6), np.uint8), (2, 2, 3), (3, 3, 4)
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(head_files, "FOLDER", tmp_path / "heads")
    return tmp_path / "heads"


def test_a_head_is_built_once(folder: Path) -> None:
    first = kept(("a", 0), lambda: head(7))
    again = kept(("a", 0), lambda: pytest.fail("built again"))
    np.testing.assert_array_equal(again.tissues, first.tissues)
    np.testing.assert_array_equal(again.distance, first.distance)
    assert (again.centre, again.size) == (first.centre, first.size)
    assert len(list(folder.iterdir())) == 1


def test_another_key_or_other_code_is_another_head(monkeypatch: pytest.MonkeyPatch) -> None:
    kept(("a", 0), lambda: head(7))
    assert kept(("a", 1), lambda: head(8)).tissues[0, 0, 0] == 8
    monkeypatch.setattr(head_files, "code_digest", lambda: "other")
    assert kept(("a", 0), lambda: head(9)).tissues[0, 0, 0] == 9


def test_a_damaged_file_is_replaced(folder: Path) -> None:
    kept(("a", 0), lambda: head(7))
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:40])
    assert kept(("a", 0), lambda: head(8)).tissues[0, 0, 0] == 8
    assert kept(("a", 0), lambda: head(9)).tissues[0, 0, 0] == 8
