"""The volume table, in SynthSeg's own format."""

import csv
import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from stages.storage.files import atomic_path
from stages.storage.reading import Kind, damaged, reading
from stages.study.errors import StudyError
from stages.study.parcels import PARCEL_NAMES

DECIMALS = 3  # of a volume in mm3, as SynthSeg writes them
TOTAL = "total intracranial"
TABLE = Kind("a table of volumes", "check the path", "move it away or set another folder")


def write_table(path: Path, names: Sequence[str], rows: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write `subject,total intracranial,<names>`: mm3, three decimals; total = sum of the others.

    Parcels do not count in the total, which holds the cortex that they divide.

    Args:
        path: file to write.
        names: of the structures.
        rows: subject and volumes in mm3, one for each name.
    """
    _write(path, header(names), (cells(subject, names, volumes) for subject, volumes in rows))


def add_to_table(path: Path, names: Sequence[str], rows: Sequence[tuple[str, np.ndarray]]) -> None:
    """Write rows into a table that may be there already, so that several commands can share one.

    A row of the same subject is replaced where it stands. Commands that run at the same time wait
    for each other, where the file system has locks.

    Args:
        path: the table.
        names: of the structures, as in `write_table`.
        rows: subject and volumes in mm3.

    Raises:
        StudyError: if the file is no such table, or one of other structures.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _waiting(path.parent):
        table = {row[0]: row for row in read_rows(path, names)} if path.exists() else {}
        table |= {subject: cells(subject, names, volumes) for subject, volumes in rows}
        _write(path, header(names), table.values())


def read_rows(path: Path, names: Sequence[str]) -> list[list[str]]:
    """Return the rows of a table as text; raise `StudyError` if it has other columns."""
    with reading(path, TABLE), open(path, newline="", encoding="utf-8") as stream:
        columns, *rows = list(csv.reader(stream)) or [[]]
    if columns != header(names):
        raise StudyError(
            f"{path}: expected a table of the structures that this network measures"
            f" ({len(names)} columns), got another one ({len(columns)} columns); set another --out"
        )
    if any(len(row) != len(columns) for row in rows):
        raise damaged(path, TABLE, "rows of other lengths than the header")
    return rows


def header(names: Sequence[str]) -> list[str]:
    """Return the header of a table."""
    return ["subject", TOTAL, *names]


def cells(subject: str, names: Sequence[str], volumes: np.ndarray) -> list[str]:
    """Return a row of a table."""
    whole = np.array([name not in PARCEL_NAMES for name in names])
    values = np.round([volumes[whole].sum(), *volumes], DECIMALS)
    return [subject, *(repr(float(value)) for value in values)]


def _write(path: Path, columns: list[str], rows: Iterable[list[str]]) -> None:
    with (
        atomic_path(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream)  # lines end as in SynthSeg's own table, in \r\n
        writer.writerow(columns)
        writer.writerows(rows)


@contextmanager
def _waiting(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder as long as it is written to; go on where there are no locks."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
