"""What an audit is made of: its groups, checked before anything is written."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.external.image_listing import image_sources, items
from stages.external.listing import volume_sources
from stages.external.membership import places, table
from stages.external.volume_import import TARGETS, group_volumes, missing_scans
from stages.params.analyse import AnalyseParams
from stages.params.external import SOURCES, ExternalParams, ExternalSection
from stages.params.section import FILE, parse
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.groups import FULLY_SAMPLED, KINDS
from stages.study.structures import STRUCTURES

COMMAND = Path("init-audit")  # in place of the parameter file in messages
EXTENSION = re.compile(r"(\.nii)?\.[A-Za-z0-9]+$")
BIDS = "dataset_description.json"


@dataclass(frozen=True)
class Audit:
    """Groups from elsewhere by their names, and the structures that all of them have."""

    groups: Mapping[str, ExternalParams]
    """Paths are those of the command line."""
    structures: tuple[str, ...]
    imaged: bool
    segment: Mapping[str, str] = field(default_factory=dict)
    """What section `segment` has instead of the default."""


def named(given: str) -> tuple[str, Path]:
    """Return name and path of `NAME=PATH` or `PATH`, whose name is then that of the file."""
    name, mark, path = given.partition("=")
    if not mark:
        path = given
        stem = EXTENSION.sub("", Path(given).resolve().name)
        name = re.sub(r"[^A-Za-z0-9_-]", "_", stem).strip("_-")
    return name, Path(path)


def source(path: Path, pattern: str | None) -> dict[str, str]:
    """Return the key and the path of a source of images."""
    if not path.is_dir():
        return {"table": str(path)}
    if pattern is not None:
        return {"folder": str(path), "pattern": pattern}
    if (path / BIDS).is_file():
        return {"bids": str(path)}
    raise StudyError(
        f"{path}: expected a CSV table, a BIDS data set ({BIDS}), or --pattern for the names of its"
        " files, got a folder of neither; add one"
    )


def section(groups: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, ExternalParams]:
    """Return the checked groups; `StudyError` if two have one name."""
    found: dict[str, Mapping[str, Any]] = {}
    taken = {name for kind in KINDS if not kind.target for name in kind.names}
    for name, content in groups:
        if name in taken:
            raise StudyError(
                f"{COMMAND}: expected a name that no other group has, got '{name}'; name it"
                " (NAME=PATH)"
            )
        if name in found:
            raise StudyError(
                f"{COMMAND}: expected groups of different names, got '{name}' twice; name them"
                f" (NAME=PATH)"
            )
        found[name] = content
    return parse(ExternalSection, ExternalSection.section, found, COMMAND).groups


def audit_of_volumes(groups: Mapping[str, ExternalParams]) -> Audit:
    """Return an audit of volumes alone, all of which are read.

    Raises:
        StudyError: as `group_volumes`; if groups are of other scans than the reference, or have no
            structure in common with all others.
    """
    tables = {name: group_volumes(name, params) for name, params in groups.items()}
    known = tables.get(FULLY_SAMPLED.name)
    for name, (_, members) in tables.items():
        if known and (fault := missing_scans(name, members, known[1])):
            raise StudyError(fault)
    common = set.intersection(*({*volumes["structure"]} for volumes, _ in tables.values()))
    structures = tuple(entry.name for entry in STRUCTURES if entry.name in common)
    if not structures:
        raise StudyError(
            f"{COMMAND}: expected structures that all groups have, got none; give tables of one"
            " segmenter"
        )
    return Audit(groups, structures, imaged=False)


def left_out(audit: Audit) -> list[str]:
    """Return a line for each structure that only some of the groups have."""
    every: dict[str, set[str]] = {}
    for name, params in audit.groups.items():
        if not params.imaged:
            for structure in set(group_volumes(name, params)[0]["structure"]):
                every.setdefault(structure, set()).add(name)
    return [
        f"{structure} is left out: only {', '.join(sorted(owners))} of the groups has it"
        for structure, owners in sorted(every.items())
        if structure not in audit.structures
    ]


def audit_of_images(groups: Mapping[str, ExternalParams], command: str | None = None) -> Audit:
    """Return an audit of images, which are listed, not read: their import checks each of them.

    Args:
        groups: of the command line.
        command: that segments an image; None: the label maps that the tables name, if all images
            have one, else the bundled network.

    Raises:
        StudyError: as `items` and `places`; if groups are of other scans than the reference, or
            some images have label maps and others none.
    """
    tables = {}
    labelled = set()
    for name, params in groups.items():
        found = items(name, params)
        labelled |= {item.labels is not None for item in found}
        keys = [item.key for item in found]
        tables[name] = table(keys, places(name, keys, several=name not in TARGETS))
    known = tables.get(FULLY_SAMPLED.name)
    for name, members in tables.items():
        if known is not None and (fault := missing_scans(name, members, known)):
            raise StudyError(fault)
    if len(labelled) > 1 and command is None:
        raise StudyError(
            f"{COMMAND}: expected label maps of all images or of none, got some; fill in the column"
            " 'labels' of every table, or take it out"
        )
    chosen = {"method": "files"} if labelled == {True} else {}
    if command is not None:
        chosen = {"method": "command", "command": command}
    return Audit(groups, default_structures(), imaged=True, segment=chosen)


def default_structures() -> tuple[str, ...]:
    """Return the structures of the study that this code belongs to."""
    return AnalyseParams.load(layout.WEIGHTS.parent / FILE).structures


def sources_of(name: str, params: ExternalParams) -> list[Path]:
    """Return the files that a group is read from, which DVC watches."""
    return image_sources(name, params) if params.imaged else volume_sources(params.source)


def moved(params: ExternalParams, start: Path) -> ExternalParams:
    """Return a group whose paths are relative to a folder."""
    key = next(key for key in SOURCES if getattr(params, key) is not None)
    return params.model_copy(update={key: relative(params.source, start)})


def relative(path: Path, start: Path) -> str:
    """Return a path relative to a folder, as POSIX."""
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()
