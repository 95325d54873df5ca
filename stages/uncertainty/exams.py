"""Which scans are of one person: they are no independent evidence, and stay together everywhere."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from stages.errors import StudyError
from stages.twins import healthy_twin
from stages.uncertainty.members import read_table


def exam_map(
    subjects: Iterable[str], pattern: str | None = None, table: str | None = None
) -> dict[str, str]:
    """Return the exam of each scan; a scan that nothing is said of is an exam of its own.

    Twins of a simulated head are one exam, that of the healthy twin.

    Args:
        subjects: scan names, `sub-...`.
        pattern: regular expression with one group that finds the exam in the name.
        table: CSV file with columns subject, exam; goes before the pattern.

    Raises:
        StudyError: if the table is missing or damaged, or names a scan twice.
    """
    names = pd.Series(list(dict.fromkeys(subjects)), dtype=str)
    heads = names.map(healthy_twin)
    found = heads if pattern is None else names.str.extract(pattern, expand=False).fillna(heads)
    exams = dict(zip(names, found, strict=True))
    if table is not None:
        listed = read_table(Path(table), ["subject", "exam"]).astype(str)
        twice = listed["subject"][listed["subject"].duplicated()]
        if len(twice):
            raise StudyError(f"{table}: expected each scan once, got '{twice.iloc[0]}' again")
        exams |= {
            s: e for s, e in zip(listed["subject"], listed["exam"], strict=True) if s in exams
        }
    return exams
