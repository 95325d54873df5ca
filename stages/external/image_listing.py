"""The images of a group from elsewhere: a table of them, a folder whose names follow a pattern, or
a BIDS data set.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.external.listing import listed
from stages.external.membership import Key
from stages.external.volume_files import KEYS, MEMBER, SESSION, SUBJECT
from stages.params.external import ExternalParams
from stages.study.errors import StudyError

IMAGE, LABELS = "image", "labels"  # columns of a table
PLACES = {name: f"{{{name}}}" for name in KEYS}
SUFFIXES = (".nii", ".nii.gz", ".mgz")
T1W = re.compile(r"_T1w\.(nii|nii\.gz|mgz)$")
ENTITY = re.compile(r"(?:^|_)([a-z]+)-([A-Za-z0-9]+)")
MEMBER_ENTITIES = ("acq", "rec", "run", "desc")  # in which members of a BIDS data set differ
SHOWN = 3


@dataclass(frozen=True)
class Item:
    """One image."""

    key: Key
    image: Path
    labels: Path | None = None
    """Its label map, where the table names one."""


def items(name: str, params: ExternalParams) -> list[Item]:
    """Return the images of a group; `StudyError` if there are none, or one does not exist.

    Args:
        name: of the group, for messages.
        params: where they lie.
    """
    if params.table is not None:
        found = list(_of_table(Path(params.table)))
    elif params.bids is not None:
        found = list(_of_bids(Path(params.bids)))
    else:
        found = list(_of_folder(Path(str(params.folder)), str(params.pattern)))
    if not found:
        raise StudyError(
            f"{params.source}: expected images of {name}, found none; {_advice(params)}"
        )
    for path in (p for item in found for p in (item.image, item.labels) if p is not None):
        if not path.exists():
            raise StudyError(f"{path}: expected an image, found none; correct {params.source}")
    return found


def _advice(params: ExternalParams) -> str:
    if params.pattern is not None:
        return f"correct the pattern '{params.pattern}'"
    return "fill it in" if params.table is not None else "give files that end in _T1w.nii.gz"


def _of_table(path: Path) -> Iterator[Item]:
    for row in listed(path, IMAGE, optional=(LABELS,)):
        key = Key(row[SUBJECT], row.get(MEMBER, ""), row.get(SESSION, ""))
        labels = row.get(LABELS)
        yield Item(key, Path(row[IMAGE]), Path(labels) if labels else None)


def _of_folder(folder: Path, pattern: str) -> Iterator[Item]:
    if not folder.is_dir():
        raise StudyError(f"{folder}: expected a folder of images, found none; check the path")
    expression = expression_of(pattern)
    for path in sorted(folder.rglob("*")):
        if match := expression.fullmatch(path.relative_to(folder).as_posix()):
            parts = {name: text for name, text in match.groupdict().items() if text}
            yield Item(Key(**parts), path)


def expression_of(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern such as `{subject}/sample{member}.nii.gz`.

    Raises:
        StudyError: if it does not say where the subject stands, or names something twice.
    """
    text = re.escape(pattern)
    for name, place in PLACES.items():
        if pattern.count(place) > 1 or (name == SUBJECT and place not in pattern):
            raise StudyError(
                f"pattern '{pattern}': expected {place} once, got it {pattern.count(place)} times;"
                " correct it"
            )
        text = text.replace(re.escape(place), f"(?P<{name}>[A-Za-z0-9]+)")
    return re.compile(text.replace(r"\*", "[^/]*"))


def _of_bids(folder: Path) -> Iterator[Item]:
    """Yield the T1-weighted images of a data set; members are what their names differ in."""
    paths = [path for path in sorted(folder.rglob("anat/sub-*")) if T1W.search(path.name)]
    named = [(path, dict(ENTITY.findall(path.name))) for path in paths]
    differ = [
        entity for entity in MEMBER_ENTITIES if len({parts.get(entity) for _, parts in named}) > 1
    ]
    for path, parts in named:
        member = "-".join(parts[entity] for entity in differ if entity in parts)
        yield Item(Key(parts["sub"], member, parts.get("ses", "")), path)


def image_sources(name: str, params: ExternalParams) -> list[Path]:
    """Return the files that a group is read from: its table, and every image and label map."""
    found = items(name, params)
    paths = [path for item in found for path in (item.image, item.labels) if path is not None]
    return [*([Path(params.table)] if params.table is not None else []), *paths]
