"""The sidecars of volumes, which tell where these come from."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.storage.files import md5, read_mapping
from stages.study import layout, sidecars
from stages.study.groups import Group

Place = Callable[[str, int, str], Path]


@dataclass(frozen=True)
class Record:
    """A volume and its sidecar; `content` is empty where there is none."""

    path: Path
    content: Mapping[str, Any]

    def get(self, key: str) -> Any:
        """Return an entry, None where nothing is recorded."""
        return self.content.get(key)


Records = dict[tuple[int, str], Record]  # by member and subject


def read_record(path: Path) -> Record:
    """Read the sidecar of a volume; raise `StudyError` if it is damaged."""
    sidecar = layout.sidecar(path)
    return Record(path, read_mapping(sidecar) if sidecar.exists() else {})


def read_records(place: Place, group: Group, subjects: list[str]) -> Records:
    """Read the sidecars of a group's volumes, `place` being `layout.image` or the like."""
    return {
        (m, s): read_record(place(group.name, m, s))
        for m in group.members
        for s in subjects
        if (m, s) not in group.absent
    }


def digest(content: Any) -> str:
    """Return the MD5 of anything JSON can hold; the order of keys does not count."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def training_record(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Return digests of what the members of one ensemble must share, from a member's configuration.

    A checkpoint that was adopted does not say on what it was trained: what it lacks is left out.
    """
    trained = dict(configuration["train"])
    trained.pop("pretrained", None)
    parts = {
        "parameters": [configuration["architecture"], trained],
        "data": [configuration["data"], configuration.get("scans")],
        "masks": configuration.get("masks"),
        "code": [configuration.get("code"), configuration["versions"]],
    }
    if "adopted" in configuration:
        parts = {"parameters": parts["parameters"]}
    return {name: digest(part) for name, part in parts.items()}


def member_record(weights: Path, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the images of a trained member say about it."""
    return {sidecars.WEIGHTS: md5(weights), sidecars.TRAINING: training_record(configuration)}
