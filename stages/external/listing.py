"""The files of a group from elsewhere: a table of them, a folder, or one file for all.

A table is CSV with the columns `subject`, `member` and `session` where there are several, and the
column of the files, whose paths are relative to the table.
"""

from dataclasses import replace
from pathlib import Path

from stages.external.volume_files import KEYS, MEMBER, SESSION, STATS, SUBJECT, Row, read_volumes
from stages.storage.tables import read_table
from stages.study.errors import StudyError

FILES = "volumes"
INSIDE = ("*/stats/aseg.stats", "*/stats/aseg+DKT.stats", "*.stats")  # FreeSurfer, FastSurfer


def listed(path: Path, column: str, optional: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """Return the rows of a table of files as text; paths of `column` are made the file's own.

    Args:
        path: CSV.
        column: of the files; every cell must name one.
        optional: further columns of files, whose cells may be empty.

    Raises:
        StudyError: if the table is damaged, lacks a column, or has one of no meaning.
    """
    known = [*KEYS, column, *optional]
    table = read_table(path, [SUBJECT, column], text=[SUBJECT, MEMBER, SESSION, column])
    if others := [name for name in table if name not in known]:
        raise StudyError(
            f"{path}: expected columns {', '.join(known)}, got '{others[0]}' too; take it out"
        )
    if not len(table):
        raise StudyError(f"{path}: expected at least one row, got none; fill it in")
    table = table.astype(str).where(table.notna(), "")
    rows = [{str(k): str(v) for k, v in row.items()} for row in table.to_dict("records")]
    for row in rows:
        for name in (column, *optional):
            if row.get(name):
                row[name] = str(path.parent / row[name])
    return rows


def is_listing(path: Path) -> bool:
    """Tell whether a table names files of volumes instead of holding volumes."""
    if path.suffix != ".csv":
        return False
    with open(path, encoding="utf-8-sig", errors="replace") as stream:
        return FILES in [cell.strip() for cell in stream.readline().split(",")]


def volume_rows(path: Path) -> list[Row]:
    """Return the volumes of all images of a group.

    Args:
        path: a table of volumes; a `.stats` file of one image; a CSV with the columns `subject` and
            `volumes`, a file a row; or a folder: of FreeSurfer's subjects, or of `.stats` files.

    Raises:
        StudyError: as `read_volumes`; if images have different structures.
    """
    if path.is_dir():
        rows = [row for file, name in _inside(path) for row in _one(file, name)]
    elif path.is_file() and is_listing(path):
        rows = [
            Row(cells[SUBJECT], cells.get(MEMBER, ""), cells.get(SESSION, ""), found.volumes)
            for cells in listed(path, FILES)
            for found in _one(Path(cells[FILES]), cells[SUBJECT])
        ]
    else:
        rows = [
            row if row.subject else replace(row, subject=path.stem) for row in read_volumes(path)
        ]
    _same_structures(path, rows)
    return rows


def volume_sources(path: Path) -> list[Path]:
    """Return the files that `volume_rows` reads."""
    if path.is_dir():
        return [file for file, _ in _inside(path)]
    if path.is_file() and is_listing(path):
        return [path, *(Path(cells[FILES]) for cells in listed(path, FILES))]
    return [path]


def _one(file: Path, name: str) -> list[Row]:
    rows = read_volumes(file)
    if len(rows) != 1:
        raise StudyError(
            f"{file}: expected the volumes of one image, {name}, got {len(rows)} rows; give the"
            " table itself"
        )
    return [replace(rows[0], subject=name)]


def _inside(folder: Path) -> list[tuple[Path, str]]:
    """Return the `.stats` files of a folder and their subjects, by the first pattern that fits."""
    for pattern in INSIDE:
        if found := sorted(folder.glob(pattern)):
            deep = "/" in pattern
            return [(p, p.parents[1].name if deep else p.name.removesuffix(STATS)) for p in found]
    raise StudyError(
        f"{folder}: expected {' or '.join(INSIDE)} in it, found none; give the folder that"
        " FreeSurfer or FastSurfer wrote its subjects to"
    )


def _same_structures(path: Path, rows: list[Row]) -> None:
    first = rows[0]
    for row in rows[1:]:
        differ = sorted(set(row.volumes) ^ set(first.volumes))
        if differ:
            raise StudyError(
                f"{path}: expected the same structures of every image, got {', '.join(differ)} of"
                f" only one of {first.subject} and {row.subject}; complete the table"
            )
