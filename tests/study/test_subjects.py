"""Scans of one person stay together, by name or by table."""

import pytest

from stages.study.errors import StudyError
from stages.study.subjects import subject_map

SCANS = ["sub-e1s4", "sub-e1s14", "sub-phantom3"]


def test_without_anything_every_scan_is_its_own():
    assert subject_map(SCANS) == {name: name for name in SCANS}


def test_the_name_indicates_the_subject():
    found = subject_map(SCANS, r"sub-(e\d+)s\d+")
    assert found == {"sub-e1s4": "e1", "sub-e1s14": "e1", "sub-phantom3": "sub-phantom3"}


def test_a_table_goes_before_the_name(tmp_path):
    path = tmp_path / "subjects.csv"
    path.write_text("scan,subject\nsub-e1s14,other\nsub-phantom3,7\nsub-unknown,x\n")
    found = subject_map(SCANS, r"sub-(e\d+)s\d+", str(path))
    assert found == {"sub-e1s4": "e1", "sub-e1s14": "other", "sub-phantom3": "7"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("scan,subject\nsub-e1s4,a\nsub-e1s4,b\n", "each scan once"),
        ("scan,person\nsub-e1s4,a\n", "expected column 'subject'"),
        (None, "found none"),
    ],
)
def test_bad_tables_are_one_line(content, words, tmp_path):
    path = tmp_path / "subjects.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StudyError, match=words):
        subject_map(SCANS, None, str(path))


def test_matched_phantoms_are_one_subject():
    names = ["sub-headV001", "sub-headV001atrophy", "sub-headV002lesions", "sub-e1s4"]
    heads = ["sub-headV001", "sub-headV001", "sub-headV002", "sub-e1s4"]
    assert subject_map(names) == dict(zip(names, heads, strict=True))
    found = subject_map(names, r"sub-(e\d+)s\d+")
    assert list(found.values()) == [*heads[:3], "e1"]
