"""Which scans are of one person: they are no independent evidence, and stay together everywhere."""

import re
from collections.abc import Iterable
from pathlib import Path

from stages.storage.tables import read_table
from stages.study.errors import StudyError
from stages.study.pairs import matched_healthy


def subject_map(
    scans: Iterable[str], pattern: str | None = None, table: str | None = None
) -> dict[str, str]:
    """Return the subject of each scan; a scan that nothing assigns is a subject of its own.

    A pathological phantom is of the subject of its matched healthy phantom.

    Args:
        scans: names, `sub-...`.
        pattern: regular expression with one group that finds the subject in the name.
        table: CSV file with columns scan, subject; takes precedence over the pattern.

    Raises:
        StudyError: if the table is missing or damaged, or names a scan twice.
    """
    subject_of = {name: _named(name, pattern) for name in scans}
    if table is not None:
        listed = read_table(Path(table), ["scan", "subject"]).astype(str)
        twice = listed["scan"][listed["scan"].duplicated()]
        if len(twice):
            raise StudyError(f"{table}: expected each scan once, got '{twice.iloc[0]}' again")
        named = zip(listed["scan"], listed["subject"], strict=True)
        subject_of |= {scan: subject for scan, subject in named if scan in subject_of}
    return subject_of


def _named(name: str, pattern: str | None) -> str:
    found = None if pattern is None else re.search(pattern, name)
    # a group may be optional
    return matched_healthy(name) if found is None or found[1] is None else found[1]
