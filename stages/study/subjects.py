"""Which scans are of one person: they are no independent evidence, and stay together everywhere."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from stages.storage.nifti import EXTENSION, subject
from stages.storage.tables import TEXT, read_table
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.pairs import matched_healthy

SHOWN = 3  # scans that a message names


def subject_map(
    scans: Iterable[str],
    pattern: str | None = None,
    table: str | None = None,
    files: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the subject of each scan; without pattern and table each scan is its own subject.

    A pathological phantom is then of the subject of its matched healthy phantom.

    Args:
        scans: labels, `sub-...`.
        pattern: regular expression with one group that finds the subject in the name of each file,
            without its extension; or in each label, if it is found in no name.
        table: CSV file with columns scan (label or file name), subject; takes precedence.
        files: label -> name of the scan's file; None: as stage `inspect` found them.

    Raises:
        StudyError: if the table is missing or damaged, or names a scan twice, or a scan has no
            subject by either.
    """
    labels = list(scans)
    if pattern is None and table is None:
        stated = stated_persons()
        return {label: stated.get(label) or matched_healthy(label) for label in labels}
    names = {label: label for label in labels} | dict(scan_files() if files is None else files)
    subject_of = {} if pattern is None else by_pattern(labels, names, pattern)
    if table is not None:
        subject_of |= by_table(labels, names, Path(table))
    missed = [names[label] for label in labels if label not in subject_of]
    if missed:
        where = [f"analyse.subject_table {table}"] if table else []
        where += [f"analyse.subject_pattern '{pattern}'"] if pattern else []
        shown = ", ".join(missed[:SHOWN]) + (", ..." if len(missed) > SHOWN else "")
        raise StudyError(
            f"{' and '.join(where)}: expected a subject for each scan, got none for"
            f" {len(missed)} of {len(labels)} ({shown}); correct it, or name every scan"
        )
    return {label: subject_of[label] for label in labels}


def stated_persons() -> dict[str, str]:
    """Return label -> subject of scans from elsewhere, whose tables tell subject and session."""
    text = [*TEXT, "person"]
    tables = [read_table(p, ["subject"], text) for p in sorted(layout.MEMBERS.glob("*.csv"))]
    return {
        label: person
        for table in tables
        for label, person in zip(table["subject"], table["person"], strict=True)
    }


def scan_files() -> dict[str, str]:
    """Return label -> file name of all scans that stage `inspect` found; images have no such."""
    if layout.MEMBERS.exists() and not layout.INSPECTION.exists():
        return {}
    files = read_table(layout.INSPECTION / "scans.csv", ["file"], text=["file"])["file"]
    return {subject(name): name for name in files}


def by_pattern(labels: list[str], names: Mapping[str, str], pattern: str) -> dict[str, str]:
    """Return the subjects that a pattern finds in names of files or else in labels.

    Where its group is optional and empty, a scan is its own subject.
    """
    for of in (lambda label: EXTENSION.sub("", names[label]), str):
        found = {label: re.search(pattern, of(label)) for label in labels}
        if any(found.values()):
            return {
                label: match[1] or matched_healthy(label)
                for label, match in found.items()
                if match is not None
            }
    return {}


def by_table(labels: list[str], names: Mapping[str, str], path: Path) -> dict[str, str]:
    """Return the subjects that a table states of these scans; it may name others, too."""
    table = read_table(path, ["scan", "subject"], text=["scan", "subject"])
    label_of = {key: label for label in labels for key in keys(label, names[label])}
    found: dict[str, str] = {}
    for scan, person in zip(table["scan"], table["subject"], strict=True):
        label = label_of.get(scan)
        if label is None:
            continue
        if label in found:
            raise StudyError(f"{path}: expected each scan once, got '{scan}' again")
        found[label] = person
    return found


def keys(label: str, name: str) -> set[str]:
    """Return what a table may call a scan: its label or its file, with or without extension."""
    return {label, label.removeprefix("sub-"), name, EXTENSION.sub("", name)}
