"""Every table of the study as BIDS writes tables: TSV, and a JSON file that describes its columns.

Cells are copied as they are written in the CSV file, so that no digit is lost on the way. A table
keeps the path of its CSV file in the study.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.measures.sides import SIDES
from stages.storage.bids import MISSING, write_lines
from stages.storage.files import write_json
from stages.storage.reading import reading
from stages.storage.tables import CSV, NOT_NUMBERS
from stages.study import layout, schema
from stages.study.columns import UNITS, Column, described
from stages.study.errors import StudyError
from stages.study.groups import Group
from stages.study.schema import Table

WORK = "work"  # the other folder of tables is that of plots
GROUP_TABLES = (*schema.GROUP_TABLES, SIDES)
STUDY_TABLES = (schema.TRUE_VOLUMES, schema.TRUE_THICKNESS, schema.AFFECTED_VOXELS)


def study_tables(groups: tuple[Group, ...]) -> Iterator[tuple[Path, Table | None]]:
    """Yield the CSV file of every table that the study has, with its schema if there is one.

    Raises:
        StudyError: if a group has no volumes, or nothing was analysed.
    """
    for group in groups:
        if not schema.VOLUMES.path(group.name).exists():
            raise StudyError(_missing(schema.VOLUMES.path(group.name)))
        files = [(table.path(group.name), table) for table in GROUP_TABLES]
        files.append((layout.members(group.name), schema.MEMBERS))
        yield from ((path, table) for path, table in files if path.exists())
    yield from ((table.path(), table) for table in STUDY_TABLES if table.path().exists())
    plotted = sorted(layout.PLOTS.glob("*/*.csv"))
    if not plotted:
        raise StudyError(_missing(layout.table("analyse", "*")))
    yield from ((path, None) for path in plotted)


def _missing(path: Path) -> str:
    return f"{path}: expected {CSV.name}, found none; {CSV.missing}"


def table_name(path: Path) -> str:
    """Return what `study/columns.py` calls a table: `measures/volumes`, `analyse/cv`."""
    folder = path.parts[1]
    return f"{folder}/{folder if path.parent == layout.MEMBERS else path.stem}"


def write_described(root: Path, path: Path, table: Table | None) -> None:
    """Write a table of the study as TSV, and the descriptions of its columns.

    Args:
        root: folder of all tables.
        path: of the CSV file, relative to the study.
        table: its schema, which has the units; None for those of plots.

    Raises:
        StudyError: if it is damaged.
    """
    lines = list(tsv_lines(path))
    target = root / path.with_suffix(".tsv")
    target.parent.mkdir(parents=True, exist_ok=True)
    write_lines(target, lines)
    columns = lines[0].split("\t")
    write_json(target.with_suffix(".json"), sidecar(table_name(path), columns, table))


def tsv_lines(path: Path) -> Iterator[str]:
    """Yield the rows of a CSV file with tabs between cells and `n/a` for missing values.

    Raises:
        StudyError: if a row has more or fewer cells than the header, or there is none.
    """
    with reading(path, CSV), open(path, newline="", encoding="utf-8") as stream:
        width = None
        for row in csv.reader(stream):
            width = width or len(row)
            if len(row) != width:
                raise ValueError(f"a row of {len(row)} cells below a header of {width}")
            yield "\t".join(_cell(text) for text in row)
        if width is None:
            raise ValueError("no header")


def _cell(text: str) -> str:
    return MISSING if text in NOT_NUMBERS else re.sub(r"[\t\r\n]+", " ", text)


def sidecar(name: str, columns: list[str], table: Table | None) -> dict[str, Any]:
    """Return the description of each column by its name; nothing of one that has none.

    Args:
        name: from `table_name`.
        columns: of the file.
        table: its schema; None for tables of plots.
    """
    known = {column: described(name, column) for column in columns}
    return {c: entry(found, c, table) for c, found in known.items() if found is not None}


def entry(found: Column, column: str, table: Table | None) -> dict[str, Any]:
    """Return what BIDS says of a column: description, unit and levels, where it has them."""
    unit = found.unit
    if table is not None:
        own = table.units.get(column, "")
        unit = UNITS.get(own, own)
    return {
        "Description": found.description,
        **({"Units": unit} if unit else {}),
        **({"Levels": dict(found.levels)} if found.levels else {}),
    }
