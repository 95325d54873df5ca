"""CSV tables: what cannot be read is one line, and what is written is there as a whole."""

from pathlib import Path

import pandas as pd
import pytest

from stages.storage.tables import read_table, write_table, write_tables
from stages.study.errors import StudyError


def test_missing_empty_and_damaged_tables(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="found none"):
        read_table(tmp_path / "none.csv", [])
    (tmp_path / "empty.csv").touch()
    with pytest.raises(StudyError, match="damaged"):
        read_table(tmp_path / "empty.csv", [])
    (tmp_path / "binary.csv").write_bytes(b"\x80\xff\x00")
    with pytest.raises(StudyError, match="damaged"):
        read_table(tmp_path / "binary.csv", [])


def test_a_column_that_is_missing_or_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    assert read_table(path, ["b"])["b"].tolist() == [2]
    with pytest.raises(StudyError, match=r"a\.csv: expected column 'c', got \['a', 'b'\]"):
        read_table(path, ["a", "c"])
    path.write_text("a,a\n1,2\n")
    with pytest.raises(StudyError, match="column 'a' stands there twice"):
        read_table(path, ["a"])
    path.write_text("a,b\n1,2,3\n")
    with pytest.raises(StudyError, match="rows of more cells than the 2 of the header"):
        read_table(path, ["a"])


def test_tables_keep_what_a_float32_holds_and_plots_six_digits(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": ["x"], "b": [1 / 3]})
    write_tables(tmp_path / "tables", {"one": table, "two": table})
    assert (tmp_path / "tables/two.csv").read_text() == "a,b\nx,0.333333333\n"
    write_table(tmp_path / "plot.csv", table)
    assert (tmp_path / "plot.csv").read_text() == "a,b\nx,0.333333\n"
    assert {path.name for path in tmp_path.iterdir()} == {"tables", "plot.csv"}


def test_text_is_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("subject,group,n\nNA,null,NA\n01,nan,\n1,1e3,2\n")
    found = read_table(path, ["subject", "n"])
    assert found["subject"].tolist() == ["NA", "01", "1"]
    assert found["group"].tolist() == ["null", "nan", "1e3"]
    assert found["n"].isna().tolist() == [True, True, False]
    assert found["n"].dtype == float
    path.write_text("subject,n\na,1\n ,2\n")
    with pytest.raises(StudyError, match="expected text in column 'subject', got none in line 3"):
        read_table(path, ["subject"])
