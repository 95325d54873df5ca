"""Volumes that other programs measured, read with suspicion.

SynthSeg's table, FreeSurfer's and FastSurfer's `.stats`, the table of `asegstats2table`, and tidy
tables. Every column must be one that is known: to leave out one that is misspelt would make a
volume too small. A structure is either there as a whole or not at all.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stages.storage.reading import Kind, damaged, reading
from stages.study.errors import StudyError
from stages.study.structures import (
    ADULT_MM3,
    STRUCTURES,
    SYNTHSEG_TABLE,
    labels_of,
    nearest_name,
    plain_name,
)

TABLE = Kind(
    "a table of volumes (SynthSeg's CSV, `asegstats2table`, `.stats`, or tidy)",
    "check the path",
    "export it again",
)
STATS = ".stats"
COLUMNS = "# ColHeaders"
MEASURE = "# Measure"
UNIT = re.compile(r"#\s*TableCol\s+(\d+)\s+Units\s+(\S+)")
CUBIC_MM = ("mm^3", "mm3")
NAME, VOLUME = "StructName", "Volume_mm3"
KEYS = SUBJECT, MEMBER, SESSION = "subject", "member", "session"
STRUCTURE, TIDY = "structure", "volume_mm3"
ASEG, ASEG_VOLUME = "measure:", "measure:volume"  # first head of `asegstats2table`
SURFACES = "vol"  # ends FreeSurfer's names of measures; those of labels are preferred
FAR = 30.0  # times the volumes of an adult: ml are 1000 times smaller, a mouse's brain as well


@dataclass(frozen=True)
class Row:
    """The volumes of one image."""

    subject: str
    """As the file calls it; empty where the file is of one image and does not say."""
    member: str
    """Empty where the file names none."""
    session: str
    volumes: Mapping[str, float]
    """Structure of the study -> mm3, left and right summed."""
    parts: Mapping[frozenset[int], tuple[str, float]] = field(default_factory=dict)
    """FreeSurfer ids -> name in the file, and mm3."""


def read_volumes(path: Path) -> list[Row]:
    """Return the volumes of each image of a file, in any of the formats of `TABLE`.

    Raises:
        StudyError: if the file is missing or damaged, a column or structure is not known or stands
            there twice, a part of a structure is missing, a volume is no positive number or 0, or
            volumes cannot be in mm3.
    """
    with reading(path, TABLE):
        text = path.read_text(encoding="utf-8-sig")
        if not text.strip():
            raise ValueError("empty")
        rows = _stats(path, text) if path.suffix == STATS else _table(path, text)
    if not rows:
        raise damaged(path, TABLE, "no rows")
    check_unit(path, rows)
    return rows


def _stats(path: Path, text: str) -> list[Row]:
    """Return the one row of a `.stats` file."""
    lines = text.splitlines()
    heads = [line for line in lines if line.startswith(COLUMNS)]
    if not heads:
        raise damaged(path, TABLE, f"no line '{COLUMNS}'")
    columns = heads[-1].removeprefix(COLUMNS).split()
    if not {NAME, VOLUME} <= set(columns):
        raise damaged(path, TABLE, f"expected columns {NAME} and {VOLUME}, got {columns}")
    place, name = columns.index(VOLUME), columns.index(NAME)
    for number, unit in UNIT.findall(text):
        if int(number) == place + 1 and unit not in CUBIC_MM:
            raise StudyError(f"{path}: expected volumes in mm^3, got {unit}; convert them")
    cells: list[tuple[str, str]] = []
    for line in lines:
        parts = [part.strip() for part in line.removeprefix(MEASURE).split(",")]
        if line.startswith(MEASURE) and len(parts) >= 5 and parts[4] in CUBIC_MM:
            if labels_of(parts[1]) is None:
                continue  # FreeSurfer adds measures from version to version
            cells.append((parts[1], parts[3]))
        elif line.strip() and not line.startswith("#"):
            words = line.split()
            if len(words) != len(columns):
                raise damaged(
                    path, TABLE, f"a row of {len(words)} cells under {len(columns)} heads"
                )
            cells.append((words[name], words[place]))
    return [Row("", "", "", structures_of(path, cells), _parts(path, cells))]


def _table(path: Path, text: str) -> list[Row]:
    """Return the rows of a table with a header: wide, a column a structure, or tidy."""
    lines = [line for line in text.splitlines() if line.strip()]
    marks = {mark: lines[0].count(mark) for mark in "\t,;"}
    mark = max(marks, key=lambda each: marks[each])
    split = list(csv.reader(lines, delimiter=mark)) if marks[mark] else [x.split() for x in lines]
    heads, *rows = [[cell.strip() for cell in row] for row in split]
    lower = [head.lower() for head in heads]
    if twice := [head for head in heads if head and lower.count(head.lower()) > 1]:
        raise damaged(path, TABLE, f"column '{twice[0]}' stands there twice")
    if any(len(row) != len(heads) for row in rows):
        raise damaged(path, TABLE, "rows of other lengths than the header")
    if lower[0].startswith(ASEG) and lower[0] != ASEG_VOLUME:
        raise StudyError(f"{path}: expected volumes, got '{heads[0]}'; run it with `--meas volume`")
    if lower[0] == ASEG_VOLUME or not lower[0]:
        lower[0] = SUBJECT
    if SUBJECT not in lower:
        raise StudyError(f"{path}: expected column '{SUBJECT}', got {heads[:3]}...; add it")
    keyed = [dict(zip(lower, row, strict=True)) for row in rows]
    if STRUCTURE in lower:
        return _tidy(path, lower, keyed)
    wide = [(low, head) for low, head in zip(lower, heads, strict=True) if low not in KEYS]
    found = []
    for cells in keyed:
        named = [(head, cells[low]) for low, head in wide]
        found.append(Row(*_keys(path, cells), structures_of(path, named), _parts(path, named)))
    return _once(path, found)


def _tidy(path: Path, lower: list[str], rows: list[dict[str, str]]) -> list[Row]:
    if TIDY not in lower:
        raise StudyError(
            f"{path}: expected column '{TIDY}', got {', '.join(lower)}; name the column of volumes"
            " by its unit, mm3"
        )
    if others := set(lower) - {*KEYS, STRUCTURE, TIDY, "group"}:
        raise StudyError(
            f"{path}: expected columns {', '.join(KEYS)}, {STRUCTURE}, {TIDY}, got"
            f" '{min(others)}' too; take it out"
        )
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for cells in rows:
        found.setdefault(_keys(path, cells), []).append((cells[STRUCTURE], cells[TIDY]))
    return [Row(*keys, structures_of(path, cells)) for keys, cells in found.items()]


def _keys(path: Path, cells: Mapping[str, str]) -> tuple[str, str, str]:
    if not cells[SUBJECT]:
        raise StudyError(f"{path}: expected a subject in every row, got an empty cell; fill it in")
    return cells[SUBJECT], cells.get(MEMBER, ""), cells.get(SESSION, "")


def _once(path: Path, rows: list[Row]) -> list[Row]:
    seen = set()
    for row in rows:
        key = row.subject, row.member, row.session
        if key in seen:
            what = " ".join(part for part in ("subject", *key) if part)
            raise StudyError(
                f"{path}: expected one row for each image, got {what} twice; take one out, or add a"
                f" column '{MEMBER}'"
            )
        seen.add(key)
    return rows


def structures_of(path: Path, cells: Iterable[tuple[str, str]]) -> dict[str, float]:
    """Return structure of the study -> mm3 from names of any program and their volumes as text.

    Raises:
        StudyError: as `read_volumes`.
    """
    parts = _parts(path, cells)
    found = {}
    for entry in STRUCTURES:
        chosen = _whole(path, entry.name, frozenset(entry.labels), set(parts))
        if chosen:
            found[entry.name] = float(np.sum([parts[key][1] for key in chosen]))
    if not found:
        raise StudyError(
            f"{path}: expected volumes of structures of the study, got none; give a table of"
            " SynthSeg, FreeSurfer or FastSurfer"
        )
    return found


def _parts(path: Path, cells: Iterable[tuple[str, str]]) -> dict[frozenset[int], tuple[str, float]]:
    """Return labels -> the name and the mm3 of what has them; names of no structure are dropped."""
    parts: dict[frozenset[int], tuple[str, float]] = {}
    for name, text in cells:
        labels = labels_of(name)
        if labels is None:
            raise StudyError(
                f"{path}: expected names of SynthSeg, FreeSurfer or FastSurfer, got"
                f" '{name}'{nearest_name(name)}; rename it, or take it out"
            )
        if not labels:
            continue
        if labels in parts and not _measured_on_surfaces(name, parts[labels][0]):
            raise StudyError(
                f"{path}: expected each structure once, got '{name}' and '{parts[labels][0]}',"
                " which are the same; take one out"
            )
        if labels in parts and plain_name(name).endswith(SURFACES):
            continue
        parts[labels] = name, _number(path, name, text)
    return parts


def label_volumes(path: Path) -> dict[int, float]:
    """Return label of the study -> mm3 of the one image of a file, all labels of SynthSeg's table.

    Raises:
        StudyError: as `read_volumes`; if the file is of several images, or lacks a label.
    """
    rows = read_volumes(path)
    if len(rows) != 1:
        raise StudyError(f"{path}: expected the volumes of one image, got {len(rows)} rows")
    found = {min(key): mm3 for key, (_, mm3) in rows[0].parts.items() if len(key) == 1}
    if missing := [name for label, name in SYNTHSEG_TABLE.items() if label not in found]:
        raise StudyError(
            f"{path}: expected a volume of every label of SynthSeg's table, got none of"
            f" {missing[0]}; leave {{volumes}} out of segment.command, and voxels are counted"
        )
    return found


def _measured_on_surfaces(name: str, other: str) -> bool:
    """Tell whether one of two names is FreeSurfer's measure by surfaces, the other by voxels."""
    return plain_name(name).endswith(SURFACES) != plain_name(other).endswith(SURFACES)


def _whole(
    path: Path, name: str, labels: frozenset[int], there: set[frozenset[int]]
) -> list[frozenset[int]]:
    """Return the columns that make a structure up, the finest; none if it has none."""
    if labels in there and not any(part < labels for part in there):
        return [labels]
    fine = sorted((part for part in there if part < labels), key=sorted)
    covered = frozenset().union(*fine)
    if covered == labels and sum(map(len, fine)) == len(labels):
        return fine
    if labels in there:
        return [labels]
    if not fine:
        return []
    missing = ", ".join(SYNTHSEG_TABLE[label] for label in sorted(labels - covered))
    came = ", ".join(SYNTHSEG_TABLE[label] for label in sorted(covered))
    raise StudyError(
        f"{path}: {name}: expected all of its parts, got {came}"
        + (f" without {missing}" if missing else " more than once")
        + ": no volume is a sum of some parts; add the columns"
    )


def _number(path: Path, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not (np.isfinite(value) and value >= 0):
        raise StudyError(
            f"{path}: expected the volume of {name} in mm3, got '{text}'; correct the cell, or take"
            " the image out"
        )
    return value


def check_unit(path: Path, rows: Iterable[Row]) -> None:
    """Raise `StudyError` if volumes are so far from those of a head that they cannot be in mm3."""
    ratios = [
        value / ADULT_MM3[name] for row in rows for name, value in row.volumes.items() if value > 0
    ]
    middle = float(np.median(ratios)) if ratios else 0.0
    if not 1 / FAR < middle < FAR:
        raise StudyError(
            f"{path}: expected volumes in mm3, got {middle:.2g} times those of an adult in the"
            " median; convert them (1 ml is 1000 mm3)"
        )
