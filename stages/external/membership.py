"""Which scans the members of a group from elsewhere have, and how both are called here."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from stages.storage.nifti import subject
from stages.study.errors import StudyError
from stages.study.schema import MEMBERS


@dataclass(frozen=True)
class Key:
    """What a table calls an image."""

    subject: str
    member: str = ""
    """Empty where scans have one image each."""
    session: str = ""

    def __str__(self) -> str:
        parts = {"subject": self.subject, "session": self.session, "member": self.member}
        return ", ".join(f"{name} {value}" for name, value in parts.items() if value)


@dataclass(frozen=True)
class Place:
    """What the study calls it."""

    scan: str
    """`sub-` and letters and digits; a session is added as `ses` and its own."""
    member: int
    person: str
    """`sub-` and letters and digits of the subject alone."""


def label(text: str, prefix: str) -> str:
    """Return the letters and digits of a name, without the prefix that BIDS puts before it."""
    return re.sub(r"[^A-Za-z0-9]", "", text.strip().removeprefix(f"{prefix}-"))


def scan_of(key: Key) -> tuple[str, str]:
    """Return the labels of scan and subject; `StudyError` if nothing is left of the name."""
    person = subject(key.subject.strip().removeprefix("sub-"))
    session = label(key.session, "ses")
    return f"{person}ses{session}" if session else person, person


def places(name: str, keys: Sequence[Key], *, several: bool) -> list[Place]:
    """Return the place of each image of a group, members numbered.

    Members whose names are whole numbers keep them. All others are numbered from 0 in the order of
    their names, those with numbers in them by the numbers.

    Args:
        name: of the group, for messages.
        keys: of its images.
        several: whether a scan may have several images.

    Raises:
        StudyError: if two images have one place, some have no member and others do, or a scan has
            several images and must not.
    """
    if not keys:
        raise StudyError(f"{name}: expected at least one image, got none; fill in its table")
    named = {bool(key.member) for key in keys}
    if len(named) > 1:
        bare = next(key for key in keys if not key.member)
        raise StudyError(
            f"{name}: expected a member for every image, or for none, got none for {bare}; fill it"
            " in"
        )
    numbers = numbered({key.member for key in keys})
    found = [Place(*_ordered(key, numbers)) for key in keys]
    _refuse_collisions(name, keys, found)
    if not several:
        scans = [place.scan for place in found]
        if twice := [scan for scan in scans if scans.count(scan) > 1]:
            raise StudyError(
                f"{name}: expected one image a scan, got {scans.count(twice[0])} of {twice[0]};"
                " keep one"
            )
        found = [Place(place.scan, 0, place.person) for place in found]
    return found


def _ordered(key: Key, numbers: dict[str, int]) -> tuple[str, int, str]:
    scan, person = scan_of(key)
    return scan, numbers[key.member], person


def numbered(names: Iterable[str]) -> dict[str, int]:
    """Return the number of each member by its name."""
    known = set(names)
    if all(re.fullmatch(r"0|[1-9]\d{0,8}", name) for name in known):
        return {name: int(name) for name in sorted(known, key=int)}
    return {name: number for number, name in enumerate(sorted(known, key=_natural))}


def _natural(name: str) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _refuse_collisions(name: str, keys: Sequence[Key], found: Sequence[Place]) -> None:
    seen: dict[tuple[str, int], Key] = {}
    persons: dict[str, str] = {}
    for key, place in zip(keys, found, strict=True):
        first = seen.setdefault((place.scan, place.member), key)
        if first is not key:
            raise StudyError(f"{name}: expected each image once, got {first} and {key}; rename one")
        other = persons.setdefault(place.scan, f"{key.subject} {key.session}")
        if other != f"{key.subject} {key.session}":
            raise StudyError(
                f"{name}: expected names that differ in letters or digits, got '{other.strip()}'"
                f" and '{key.subject} {key.session}'; rename one"
            )


def table(keys: Sequence[Key], found: Sequence[Place]) -> pd.DataFrame:
    """Return the rows of work/members of a group."""
    rows = [
        (place.scan, place.member, key.member or str(place.member), place.person)
        for key, place in zip(keys, found, strict=True)
    ]
    return pd.DataFrame(rows, columns=MEMBERS.columns)
