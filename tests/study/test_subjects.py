"""Scans of one person stay together, whoever says so."""

import pytest

from stages.study.errors import StudyError
from stages.study.subjects import exam_map

SCANS = ["sub-e1s4", "sub-e1s14", "sub-phantom3"]


def test_without_anything_every_scan_is_its_own():
    assert exam_map(SCANS) == {name: name for name in SCANS}


def test_the_name_tells_the_exam():
    found = exam_map(SCANS, r"sub-(e\d+)s\d+")
    assert found == {"sub-e1s4": "e1", "sub-e1s14": "e1", "sub-phantom3": "sub-phantom3"}


def test_a_table_goes_before_the_name(tmp_path):
    path = tmp_path / "exams.csv"
    path.write_text("subject,exam\nsub-e1s14,other\nsub-phantom3,7\nsub-unknown,x\n")
    found = exam_map(SCANS, r"sub-(e\d+)s\d+", str(path))
    assert found == {"sub-e1s4": "e1", "sub-e1s14": "other", "sub-phantom3": "7"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("subject,exam\nsub-e1s4,a\nsub-e1s4,b\n", "each scan once"),
        ("subject,person\nsub-e1s4,a\n", "expected column 'exam'"),
        (None, "found none"),
    ],
)
def test_bad_tables_are_one_line(content, words, tmp_path):
    path = tmp_path / "exams.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StudyError, match=words):
        exam_map(SCANS, None, str(path))


def test_matched_phantoms_are_one_exam():
    names = ["sub-headV001", "sub-headV001atrophy", "sub-headV002lesions", "sub-e1s4"]
    heads = ["sub-headV001", "sub-headV001", "sub-headV002", "sub-e1s4"]
    assert exam_map(names) == dict(zip(names, heads, strict=True))
    found = exam_map(names, r"sub-(e\d+)s\d+")
    assert list(found.values()) == [*heads[:3], "e1"]
