"""Which scans are of one person: they are no independent evidence, and stay together everywhere."""

import re
from collections.abc import Iterable
from pathlib import Path

from stages.storage.tables import read_table
from stages.study.errors import StudyError
from stages.study.pairs import matched_healthy


def exam_map(
    subjects: Iterable[str], pattern: str | None = None, table: str | None = None
) -> dict[str, str]:
    """Return the exam of each scan; any other scan is an exam of its own.

    A pathological phantom is of the exam of its matched healthy phantom.

    Args:
        subjects: scan names, `sub-...`.
        pattern: regular expression with one group that finds the exam in the name.
        table: CSV file with columns subject, exam; takes precedence over the pattern.

    Raises:
        StudyError: if the table is missing or damaged, or names a scan twice.
    """
    exams = {name: _named(name, pattern) for name in subjects}
    if table is not None:
        listed = read_table(Path(table), ["subject", "exam"]).astype(str)
        twice = listed["subject"][listed["subject"].duplicated()]
        if len(twice):
            raise StudyError(f"{table}: expected each scan once, got '{twice.iloc[0]}' again")
        exams |= {
            s: e for s, e in zip(listed["subject"], listed["exam"], strict=True) if s in exams
        }
    return exams


def _named(name: str, pattern: str | None) -> str:
    found = None if pattern is None else re.search(pattern, name)
    # a group may be optional
    return matched_healthy(name) if found is None or found[1] is None else found[1]
