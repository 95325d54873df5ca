"""Whether two checkouts of the study hold the same numbers, although files and keys moved.

python -m tests.moved OLD NEW

OLD has its numbers directly in metrics/ and plots/, by the names on the left of `NAMES`; NEW has
them in folders by stage, by the names on the right. Numbers must be the same characters, and rows
of tables the same in the same order. Every difference is a line, and the exit code is 1 if there is
one. Tables below work/ that both have are compared byte for byte; figures, hashes and records of
code are not compared.
"""

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

# metrics file or table -> the stage that now has it in a folder; all others are of `analyse`
STAGES = {
    "masks": "mask",
    "segmenter": "segmenter-quality",
    "atlas": "atlas-quality",
    "pathology": "pathology",
}
STILL = ("headline", "other_segmenter")  # metrics files that stay directly in metrics/
NAMES = {  # keys of metrics, columns and values of tables
    "asked": "nominal",
    "achieved": "measured",
    "ceiling": "noise_ceiling",
    "cells": "pairs",
    "cells_excluded": "pairs_excluded",
    "chance": "random_predictor",
    "chance_within": "random_predictor_within",
    "exams": "subjects",
    "exams of equal size": "subjects with equally many scans",
    "halves": "split_half_prediction",
    "leave_exam_out": "leave_one_subject_out",
    "leave_exam_out_r2": "leave_one_subject_out_r2",
    "leave_structure_out": "leave_one_structure_out",
    "n_cells": "n_pairs",
    "share": "fraction",
    "structure_means": "structure_only",
    "variation": "variability",
    "variation_rank": "variability_rank",
}
COLUMN_NAMES = {"predictors": {"structure": "structure_only"}}  # column -> values of its own
NAMED_COLUMNS = ("statistic", "predictors", "estimate")  # whose values are names
BASIS = "basis"  # in metrics/other_segmenter.json: hashes of what it rests on
WORK = ("measures", "overlap", "deformation", "quality", "pathology")  # below work/
SHOWN = 20  # differences of one file
ABSENT = "(absent)"

type Leaves = dict[str, str]


def moved_metric(name: str) -> Path:
    """Return where a metrics file lies now, below the checkout."""
    folder = Path("metrics") if name in STILL else Path("metrics", STAGES.get(name, "analyse"))
    return folder / f"{name}.json"


def moved_table(name: str) -> Path:
    """Return where a table of plots/ lies now, below the checkout."""
    return Path("plots", STAGES.get(name, "analyse"), f"{name}.csv")


def leaves(text: str, names: dict[str, str]) -> Leaves:
    """Return the leaves of a JSON text as they are written, by their dotted keys.

    Args:
        text: of a metrics file; what it says below `BASIS` is left out.
        names: key or text -> what stands in its place.
    """
    tree = json.loads(text, parse_float=_Written, parse_int=_Written)
    return dict(_leaves(tree, names, ""))


class _Written(str):
    """A number as it is written."""


def _leaves(tree: Any, names: dict[str, str], path: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, list):
        tree = {str(number): value for number, value in enumerate(tree)}
    if isinstance(tree, dict):
        for key, value in tree.items():
            if path or key != BASIS:
                yield from _leaves(value, names, f"{path}.{names.get(key, key)}".strip("."))
    elif isinstance(tree, _Written):
        yield path, str(tree)
    else:
        yield path, json.dumps(names.get(tree, tree) if isinstance(tree, str) else tree)


def cells(text: str, names: dict[str, str]) -> list[list[str]]:
    """Return the cells of a CSV text, header first.

    Args:
        text: of a table.
        names: column, or value of `NAMED_COLUMNS`, -> what stands in its place.
    """
    header, *rows = list(csv.reader(text.splitlines())) or [[]]
    if not names:
        return [header, *rows]
    own = [names | COLUMN_NAMES.get(c, {}) if c in NAMED_COLUMNS else {} for c in header]
    renamed = [[n.get(v, v) for n, v in zip(own, row, strict=True)] for row in rows]
    return [[names.get(column, column) for column in header], *renamed]


def metric_differences(old: str, new: str) -> list[str]:
    """Return the leaves in which two metrics files differ, by the keys of now."""
    one, two = leaves(old, NAMES), leaves(new, {})
    return [
        f"{key}: {one.get(key, ABSENT)} -> {two.get(key, ABSENT)}"
        for key in sorted(one.keys() | two.keys())
        if one.get(key) != two.get(key)
    ]


def table_differences(old: str, new: str) -> list[str]:
    """Return the header, or the cells, in which two tables differ, by the names of now."""
    (header, *one), (columns, *two) = cells(old, NAMES), cells(new, {})
    if header != columns:
        return [f"columns {', '.join(header)} -> {', '.join(columns)}"]
    if len(one) != len(two):
        return [f"{len(one)} rows -> {len(two)} rows"]
    return [
        f"row {number}, {column}: {a} -> {b}"
        for number, rows in enumerate(zip(one, two, strict=True), start=1)
        for column, a, b in zip_longest(columns, *rows, fillvalue=ABSENT)
        if a != b
    ]


def differences(old: Path, new: Path) -> tuple[list[str], int]:
    """Return a line for each difference of two checkouts, and the number of files compared."""
    lines: list[str] = []
    number = 0
    for folder, suffix, moved, compare in (
        ("metrics", "json", moved_metric, metric_differences),
        ("plots", "csv", moved_table, table_differences),
    ):
        pairs = _pairs(old, new, folder, suffix, moved)
        number += len(pairs)
        for before, after in pairs:
            lines += _of_files(before, after, new, compare)
    same = [
        (path, new / path.relative_to(old))
        for name in WORK
        for path in sorted((old / "work" / name).rglob("*.csv"))
        if (new / path.relative_to(old)).exists()
    ]
    differing = [after for before, after in same if before.read_bytes() != after.read_bytes()]
    lines += [f"{path.relative_to(new)}: other bytes" for path in differing]
    return lines, number + len(same)


def _pairs(
    old: Path, new: Path, folder: str, suffix: str, moved: Callable[[str], Path]
) -> list[tuple[Path, Path]]:
    """Return the files of OLD and where NEW has them, and what NEW has besides."""
    found = {new / moved(path.stem): path for path in (old / folder).glob(f"*.{suffix}")}
    besides = {path: old / folder / path.name for path in (new / folder).rglob(f"*.{suffix}")}
    return [(before, after) for after, before in sorted((besides | found).items())]


def _of_files(
    before: Path, after: Path, new: Path, compare: Callable[[str, str], list[str]]
) -> list[str]:
    name = after.relative_to(new)
    for path in (before, after):
        if not path.exists():
            return [f"{name}: {path} is absent"]
    found = compare(before.read_text(encoding="utf-8"), after.read_text(encoding="utf-8"))
    rest = [f"{name}: {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return [f"{name}: {line}" for line in found[:SHOWN]] + rest


def main(arguments: list[str] | None = None) -> int:
    """Print what differs; return 1 if anything does, or if there was nothing to compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path, help="checkout with metrics/volumes.json")
    parser.add_argument("new", type=Path, help="checkout with metrics/analyse/volumes.json")
    options = parser.parse_args(arguments)
    lines, number = differences(options.old, options.new)
    print(*lines, f"{number} files compared, {len(lines)} differences", sep="\n")
    return int(bool(lines) or not number)


if __name__ == "__main__":
    sys.exit(main())
