"""What volumes and their variation rest on apart from the segmenter: images, code, parameters.

Two studies whose bases agree differ in nothing but who measured, so their numbers may stand side by
side. Images are compared by DVC's hashes of their folders, code by that of its records
(`stages/code.py`), parameters section by section.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stages.params.ensembles import EnsembleParams
from stages.params.section import FILE, read
from stages.provenance.records import digest, read_record
from stages.storage.files import PARTIAL, md5
from stages.study import layout, sidecars

SCRIPTS = ("noise", "segment", "measure", "analyse")
SECTIONS = ("ensembles", "noise", "measure", "analyse")
NIFTI = ".nii.gz"
IMAGES = "work/images"

Basis = dict[str, str]
"""Folder, file or section of the parameters -> hash."""


def folders(ensembles: EnsembleParams) -> list[str]:
    """Return the folder of every member's images.

    Noise is none of them: the segmenter finds the white matter that its signal-to-noise ratio
    refers to, so another segmenter draws other noise, from the same seeds by the same code.
    """
    groups = [group for group in ensembles.all if not group.kind.uses_labels]
    pairs = ((group.name, seed) for group in groups for seed in group.members)
    return [layout.images(*pair).as_posix() for pair in pairs]


def code() -> list[str]:
    """Return the records of the code that measures."""
    return [(layout.CODE / f"{name}.json").as_posix() for name in SCRIPTS]


def sections(params: Mapping[str, Any]) -> Basis:
    """Return the hash of each section of the parameters that volumes depend on.

    Args:
        params: content of params.yaml.
    """
    return {f"{FILE}, {name}": digest(params.get(name)) for name in SECTIONS}


def present(ensembles: EnsembleParams) -> Basis:
    """Return the basis of the study in the current directory."""
    found = {name: folder_hash(Path(name)) for name in folders(ensembles)}
    found |= {name: md5(name) if Path(name).is_file() else "" for name in code()}
    return found | sections(read())


def folder_hash(folder: Path) -> str:
    """Return the hash that DVC gives a folder: the MD5 of its list of names and MD5s, and `.dir`.

    That of a volume is taken from its sidecar, so that no volume is read: `python -m stages
    verify` tells whether they agree.
    """
    paths = (p for p in folder.rglob("*") if p.is_file() and not _unfinished(p))
    entries = [{"md5": _md5(p), "relpath": p.relative_to(folder).as_posix()} for p in paths]
    text = json.dumps(sorted(entries, key=lambda each: each["relpath"]), sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"


def _unfinished(path: Path) -> bool:
    return any(part.startswith(PARTIAL) for part in path.parts)


def _md5(path: Path) -> str:
    recorded = read_record(path).get(sidecars.MD5) if path.name.endswith(NIFTI) else None
    return recorded or md5(path)


def others(mine: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """Return the names of what differs between two bases, images first."""
    return [name for name in _ordered({**mine, **theirs}) if mine.get(name) != theirs.get(name)]


def images(basis: Mapping[str, str]) -> Basis:
    """Return the part of a basis that is images."""
    return {name: digest for name, digest in basis.items() if name.startswith(IMAGES)}


def _ordered(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: not name.startswith(IMAGES))
