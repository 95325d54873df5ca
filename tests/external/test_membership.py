"""Scans and members: what tables call them, and what the study does."""

import pytest

from stages.external.membership import Key, Place, numbered, places, scan_of, table
from stages.study.errors import StudyError
from stages.study.groups import EXTERNAL, PAIRED, external


def test_names_become_labels() -> None:
    assert scan_of(Key("sub-01", session="ses-02")) == ("sub-01ses02", "sub-01")
    assert scan_of(Key("e14089s3_P53248.7")) == ("sub-e14089s3P532487",) * 2


def test_whole_numbers_are_kept_and_other_names_numbered() -> None:
    assert numbered(["7", "0", "12"]) == {"0": 0, "7": 7, "12": 12}
    assert list(numbered(["s10", "s2", "s1"])) == ["s1", "s2", "s10"]
    assert numbered(["01", "1"]) == {"1": 0, "01": 1} or numbered(["01", "1"]) == {"01": 0, "1": 1}


def test_places_of_an_ensemble() -> None:
    keys = [Key("a", "x"), Key("a", "y"), Key("b", "y")]
    found = places("mine", keys, several=True)
    assert found == [
        Place("sub-a", 0, "sub-a"),
        Place("sub-a", 1, "sub-a"),
        Place("sub-b", 1, "sub-b"),
    ]
    assert table(keys, found)["name"].tolist() == ["x", "y", "y"]


@pytest.mark.parametrize(
    ("keys", "several", "message"),
    [
        ([], True, "at least one image"),
        ([Key("a", "1"), Key("a")], True, "a member for every image, or for none"),
        ([Key("a"), Key("a")], True, "each image once"),
        ([Key("a", "1"), Key("a", "2")], False, "one image a scan, got 2 of sub-a"),
        ([Key("a.b"), Key("ab")], True, "each image once|differ in letters"),
        ([Key("a.b", "1"), Key("ab", "2")], True, "differ in letters or digits"),
        ([Key("--", "1")], True, "letters or digits"),
    ],
)
def test_faults_are_one_line(keys: list[Key], several: bool, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        places("mine", keys, several=several)


def test_a_group_knows_which_scans_its_members_have() -> None:
    group = external("mine", [(0, "a"), (1, "a"), (1, "b")], crossed=True, imaged=True)
    assert group.kind is EXTERNAL and group.members == (0, 1)
    assert group.of("a") == (0, 1) and group.of("b") == (1,)
    assert group.scans(0, ["a", "b"]) == ["a"] and group.scans(1, ["a", "b"]) == ["a", "b"]
    assert external("one", [(0, "a"), (0, "b")], crossed=True, imaged=True).kind is PAIRED
    assert external("reference", [(0, "a")], crossed=True, imaged=False).kind.target
