"""The entries of sidecars that tell where a volume comes from."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.storage.files import md5, read_mapping
from stages.study import layout

# of every volume
OWN_MD5, OWN_BYTES = "MD5", "Bytes"
# of images
SCAN, MASK, WEIGHTS, TRAINING = "ScanSHA256", "MaskMD5", "WeightsMD5", "Training"
NETWORK, MEMBER = "Reconstruction", "Member"
NOISE = ("NoiseSNR", "NoiseDefinition", "NoiseSigma", "NoiseAcquiredFraction")
NOISE_SEED = "NoiseSeed"
# of label maps; `WeightsMD5` is that of the segmenter there
IMAGE, METHOD, MODE, FAST = "SourceMD5", "Method", "Mode", "Fast"  # the last two: SynthSeg's

IMAGE_KEYS = (OWN_MD5, OWN_BYTES, SCAN)
LABEL_KEYS = (OWN_MD5, OWN_BYTES, IMAGE, WEIGHTS, METHOD)

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


def read_records(
    place: Place, group: str, members: Iterable[int], subjects: Iterable[str]
) -> Records:
    """Read the sidecars of a group's volumes, `place` being `layout.image` or the like."""
    subjects = list(subjects)
    return {(m, s): read_record(place(group, m, s)) for m in members for s in subjects}


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
    return {WEIGHTS: md5(weights), TRAINING: training_record(configuration)}
