"""Scans of one person stay together, by name or by table."""

from pathlib import Path

import pytest

from stages.storage.nifti import subject
from stages.study.errors import StudyError
from stages.study.subjects import subject_map

SCANS = ["sub-e1s4", "sub-e1s14", "sub-e2s1"]
FILES = ["sub-01_ses-1.h5", "sub-01_ses-2.h5", "sub-1_ses-1.HDF5"]
NAMES = {subject(name): name for name in FILES}


def test_without_anything_every_scan_is_its_own() -> None:
    assert subject_map(SCANS) == {name: name for name in SCANS}


def test_a_pattern_is_found_in_the_names_of_files() -> None:
    found = subject_map(NAMES, "sub-(.*)_ses", files=NAMES)
    assert list(found.values()) == ["01", "01", "1"]  # two persons: text is text
    found = subject_map(NAMES, "(.*)", files=NAMES)
    assert list(found.values()) == [name.rpartition(".")[0] for name in FILES]


def test_names_of_files_are_those_that_were_inspected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("work/inspection").mkdir(parents=True)
    rows = "".join(f"{name},validation\n" for name in ["NA.h5", *FILES])
    Path("work/inspection/scans.csv").write_text(f"file,split\n{rows}")
    assert list(subject_map(NAMES, "sub-(.*)_ses").values()) == ["01", "01", "1"]
    Path("work/inspection/scans.csv").unlink()
    with pytest.raises(StudyError, match=r"scans\.csv: expected a CSV table, found none"):
        subject_map(NAMES, "sub-(.*)_ses")


def test_a_pattern_may_be_found_in_labels() -> None:
    found = subject_map(SCANS, r"sub-(e\d+)s\d+", files={})
    assert list(found.values()) == ["e1", "e1", "e2"]


def test_an_optional_group_leaves_a_scan_its_own() -> None:
    found = subject_map(SCANS, r"sub-(?:(e1)s)?", files={})
    assert list(found.values()) == ["e1", "e1", "sub-e2s1"]


@pytest.mark.parametrize("pattern", ["sub-(.*)_SES", "sub-(.*)_ses-2", "^(x)$"])
def test_a_pattern_that_misses_a_scan(pattern: str) -> None:
    with pytest.raises(StudyError, match=r"expected a subject for each scan, got none for \d of 3"):
        subject_map(NAMES, pattern, files=NAMES)


@pytest.mark.parametrize("key", [str, lambda n: n.rpartition(".")[0], subject])
def test_a_table_names_files_or_labels(key, tmp_path: Path) -> None:
    path = tmp_path / "subjects.csv"
    people = ["NA", "null", "01"]
    rows = "".join(f"{key(name)},{who}\n" for name, who in zip(FILES, people, strict=True))
    path.write_text(f"scan,subject\n{rows}other.h5,x\n")
    assert list(subject_map(NAMES, None, str(path), NAMES).values()) == people


def test_a_table_goes_before_the_name(tmp_path: Path) -> None:
    path = tmp_path / "subjects.csv"
    path.write_text("scan,subject\nsub-e1s14, 07 \nsub-unknown,x\n")
    found = subject_map(SCANS, r"sub-(e\d+)s\d+", str(path), {})
    assert list(found.values()) == ["e1", "07", "e2"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("scan,subject\nsub-e1s4,a\nsub-e1s4,b\n", "each scan once"),
        ("scan,subject\nsub-e1s4,a\ne1s4,b\n", "each scan once"),
        ("scan,person\nsub-e1s4,a\n", "expected column 'subject'"),
        ("scan,subject\nsub-e1s4,a\nsub-e1s14,\n", "expected text in column 'subject', .* line 3"),
        ("scan,subject\nsub-e1s4,a\n", r"for 2 of 3 \(sub-e1s14, sub-e2s1\)"),
        (None, "found none"),
    ],
)
def test_bad_tables_are_one_line(content: str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "subjects.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StudyError, match=words):
        subject_map(SCANS, None, str(path), {})


def test_matched_phantoms_are_one_subject() -> None:
    names = ["sub-headV001", "sub-headV001atrophy", "sub-headV002lesions", "sub-e1s4"]
    heads = ["sub-headV001", "sub-headV001", "sub-headV002", "sub-e1s4"]
    assert subject_map(names) == dict(zip(names, heads, strict=True))
