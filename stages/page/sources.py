"""What the HTML report was made from: hashes of inputs, models and code; parameters; versions.

All of it follows from the inputs of the stage `report`, so that the report is the same bytes
wherever the same study was run on the same machine. What does not
(revision, machine, durations) is added by `python -m stages publish` to a report of its own, see
`run_record`.
"""

import hashlib
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from stages.params.ensembles import EnsembleParams
from stages.params.section import FILE, section_of
from stages.params.sections import present
from stages.params.segment import SegmentParams
from stages.storage.files import md5
from stages.study import layout

DATA_FILE, STAGES_FILE = Path("data.dvc"), Path("dvc.yaml")
STAGE = "report"
PACKAGES = (
    "torch",
    "direct-recon",
    "numpy",
    "scipy",
    "pandas",
    "scikit-image",
    "scikit-learn",
    "statsmodels",
    "MAPIE",
    "nibabel",
    "h5py",
    "sigpy",
    "matplotlib",
    "Jinja2",
    "dvc",
)


@dataclass(frozen=True)
class Source:
    """An input of the study, and its MD5."""

    kind: str
    name: str
    digest: str


def sources(ensembles: EnsembleParams, segment: SegmentParams | None) -> list[Source]:
    """Return data, masks, weights, models and code, each with its MD5.

    Args:
        ensembles: the groups.
        segment: None where nothing is segmented here.
    """
    masks = sorted(layout.MASKS.glob("*/*.npz"))
    found = [_data(), Source("masks", f"{len(masks)} files", combined(masks))]
    if not ensembles.architectures:
        found = [_members(path) for path in sorted(layout.MEMBERS.glob("*.csv"))]
    weights = Path(segment.weights) if segment else None
    if weights is not None and weights.is_file():
        found.append(Source("segmenter", weights.name, md5(weights)))
    for group in ensembles.architectures:
        for seed in ensembles.members(group):
            path = layout.member_weights(group, seed)
            found.append(Source("model", f"{group} {seed}", md5(path) if path.exists() else ""))
    records = [Path(name) for name in dependencies("deps") if Path(name).parent == layout.CODE]
    return found + [Source("code", p.stem, md5(p)) for p in sorted(records) if p.exists()]


def dependencies(kind: str) -> list[str]:
    """Return the `deps` or `params` of stage `report`, which alone the HTML report may state.

    Anything beyond them could change without DVC writing the report anew.
    """
    if not STAGES_FILE.is_file():
        return []
    stages = yaml.safe_load(STAGES_FILE.read_text(encoding="utf-8"))["stages"]
    names: list[str] = []
    for entry in stages.get(STAGE, {}).get(kind, []):  # a mapping: keys of another parameter file
        names += chain(*entry.values()) if isinstance(entry, dict) else [str(entry)]
    return names


def _data() -> Source:
    """Return the hash by which DVC knows the scans; a folder that it does not track has none."""
    if not DATA_FILE.is_file():
        return Source("data", "not tracked by DVC", "")
    out = yaml.safe_load(DATA_FILE.read_text(encoding="utf-8"))["outs"][0]
    return Source("data", f"{out.get('nfiles', 1)} files, {out.get('size', 0)} bytes", out["md5"])


def _members(path: Path) -> Source:
    """Return the table of the images of a group from elsewhere."""
    return Source("table of images", path.stem, md5(path))


def combined(paths: Iterable[Path]) -> str:
    """Return one MD5 of several files: of their names and MD5s, a line each."""
    lines = "".join(f"{path.name} {md5(path)}\n" for path in paths)
    return hashlib.md5(lines.encode(), usedforsecurity=False).hexdigest()


def parameters(path: Path = FILE) -> dict[str, str]:
    """Return the parameters that stage `report` depends on as YAML, defaults filled in."""
    content = present(path)
    return {name: _written(section_of(content, name, path)) for name in dependencies("params")}


def _written(content: Any) -> str:
    if not isinstance(content, dict):
        return str(content)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True).rstrip()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that compute."""
    return {"Python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
