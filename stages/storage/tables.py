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
CSV = Kind("a CSV table", "run `dvc repro`", "remake it")


def read_table(path: Path, columns: Iterable[str]) -> pd.DataFrame:
    """Read a CSV file; raise `StudyError` if it is missing or damaged, or lacks a column.

    pandas renames a column that stands there twice, and shifts the rows of a table whose rows have
    more cells than its header: both are damages here.
    """
    with reading(path, CSV):
        with open(path, newline="", encoding="utf-8-sig") as stream:
            header = next(csv.reader(stream), [])
        if twice := [name for name in header if header.count(name) > 1]:
            raise ValueError(f"column '{twice[0]}' stands there twice")
        table = pd.read_csv(path)
        if not isinstance(table.index, pd.RangeIndex):
            raise ValueError(f"rows of more cells than the {len(header)} of the header")
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
