"""CSV tables: read as `study/schema.py` describes them, written as a whole or not at all."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from stages.storage.files import atomic_directory, atomic_path
from stages.storage.reading import Kind, reading
from stages.study.errors import StudyError

MEASURED = "%.9g"  # of what is computed with again: a float32 survives nine digits
SHOWN = "%.6g"  # of what is drawn
TEXT = ("subject", "scan", "group")
"""Columns that are text whatever they look like: `01` is not 1, and `NA` is a name."""
NOT_NUMBERS = ("", "nan", "NaN", "NA", "N/A", "n/a", "null", "NULL", "None", "<NA>")
"""What stands for a missing number."""
CSV = Kind("a CSV table", "run `dvc repro`", "remake it")


def read_table(path: Path, columns: Iterable[str], text: Iterable[str] = TEXT) -> pd.DataFrame:
    """Read a CSV file; raise `StudyError` if it is missing or damaged, or lacks a column.

    Cells of the columns `text` are text without blanks at its ends, and must not be empty.

    pandas renames a column that stands there twice, and shifts the rows of a table whose rows have
    more cells than its header: both are damages here.
    """
    with reading(path, CSV):
        with open(path, newline="", encoding="utf-8-sig") as stream:
            header = next(csv.reader(stream), [])
        if twice := [name for name in header if header.count(name) > 1]:
            raise ValueError(f"column '{twice[0]}' stands there twice")
        words = [name for name in text if name in header]
        numbers = {name: list(NOT_NUMBERS) for name in header if name not in words}
        table = pd.read_csv(
            path, dtype=dict.fromkeys(words, str), keep_default_na=False, na_values=numbers
        )
        if not isinstance(table.index, pd.RangeIndex):
            raise ValueError(f"rows of more cells than the {len(header)} of the header")
    for name in words:
        table[name] = table[name].str.strip()
        if (empty := table[name] == "").any():
            row = int(empty.argmax()) + 2  # the header is the first
            raise StudyError(f"{path}: expected text in column '{name}', got none in line {row}")
    missing = [name for name in columns if name not in table]
    if missing:
        raise StudyError(f"{path}: expected column '{missing[0]}', got {list(table)}; remake it")
    return table


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write one CSV file a table; the folder appears only when all are complete."""
    with atomic_directory(folder) as temporary:
        for name, table in tables.items():
            table.to_csv(temporary / f"{name}.csv", index=False, float_format=MEASURED)


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table of plots/."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format=SHOWN)


def joined(parts: Iterable[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """Return the rows of several tables, one after the other; no rows where there are no tables."""
    found = list(parts) or [pd.DataFrame(columns=columns)]
    return pd.concat(found, ignore_index=True)[columns]
