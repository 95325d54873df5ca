"""Atomic writing: nothing partial under a final name, nothing lost."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.machine.entry import entry_point
from stages.storage.files import atomic_directory, atomic_path, md5, read_json, write_json
from stages.study.errors import StudyError


def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    final = tmp_path / "result.nii.gz"
    final.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(final) as temporary:
        assert temporary.name.endswith(".nii.gz")
        temporary.write_text("half")
        raise RuntimeError
    assert final.read_text() == "old"
    assert list(tmp_path.iterdir()) == [final]


def test_a_failed_folder_keeps_the_old_one(tmp_path: Path) -> None:
    final = tmp_path / "images"
    with atomic_directory(final) as temporary:
        (temporary / "a").write_text("1")
    with pytest.raises(RuntimeError), atomic_directory(final) as temporary:
        (temporary / "b").write_text("2")
        raise RuntimeError
    assert [p.name for p in final.iterdir()] == ["a"]
    assert list(tmp_path.iterdir()) == [final]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    final = tmp_path / "images"
    for name in "ab":
        with atomic_directory(final) as temporary:
            (temporary / name).write_text(name)
    assert [p.name for p in final.iterdir()] == ["b"]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_json_keeps_six_digits(tmp_path_factory: pytest.TempPathFactory, value: float) -> None:
    path = tmp_path_factory.mktemp("json") / "x.json"
    write_json(path, {"a": [value]})
    read = read_json(path)["a"][0]
    assert read == pytest.approx(value, rel=1e-5, abs=0)


def test_json_refuses_gaps(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="expected finite numbers, got nan"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_damaged_json_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(StudyError, match="found none"):
        read_json(path)
    path.write_text("{")
    with pytest.raises(StudyError, match="damaged"):
        read_json(path)


def test_md5_is_the_standard_one(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("abc")
    assert md5(path) == "900150983cd24fb0d6963f7d28e17f72"  # RFC 1321, A.5


def test_a_script_prints_one_line_and_exits_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    @entry_point
    def main() -> None:
        raise StudyError("scan.h5: expected\n 24 channels")

    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: scan.h5: expected 24 channels\n"


def test_defects_keep_their_traceback() -> None:
    @entry_point
    def main() -> None:
        json.loads("{")

    with pytest.raises(json.JSONDecodeError):
        main()
