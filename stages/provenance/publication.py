"""A finished study as a folder that stands for itself: parameters, numbers, figures, the report.

Its manifest holds the hash of every file in it, and those of the code, data and weights that the
numbers rest on, as DVC recorded them. The plan of analysis is in it as it stood, with the commit
that last changed it: what was decided before a study ran can be told from what came after.
"""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.storage.files import atomic_directory, md5, read_mapping, write_json
from stages.storage.reading import Kind, reading
from stages.storage.text import parse_yaml, read_text
from stages.study.errors import StudyError

FORMAT = "study-1"
MANIFEST = "manifest.json"
REPORT = "report.html"
PLAN = Path("docs/analysis-plan.md")
LOCK = Path("dvc.lock")
FOLDERS = (Path("metrics"), Path("plots"))
FILES = (Path("params.yaml"), Path("params.segmenters.yaml"), Path("dvc.yaml"), LOCK)
LOCK_FILE = Kind("the lock file of a finished study", "run `dvc repro`", "restore it")
INSIDE = Path("plots/report/report.html")  # the same report without the record of the run


def write(folder: Path, report: Path, about: Mapping[str, Any]) -> None:
    """Copy the finished study in the current folder into `folder`, in place of what was there.

    Args:
        folder: a new one, or one that holds a publication.
        report: the HTML report with the record of the run.
        about: what the manifest says of version, revision and machine.

    Raises:
        StudyError: if the folder holds anything else, or dvc.lock knows two versions of a file.
    """
    if folder.exists() and not (folder / MANIFEST).is_file() and any(folder.iterdir()):
        raise StudyError(
            f"{folder}: expected a new folder or one with {MANIFEST}, got something else; name"
            " another one"
        )
    rests_on = recorded(LOCK)
    with atomic_directory(folder) as target:
        for path in FOLDERS:
            shutil.copytree(path, target / path)
        (target / INSIDE).unlink(missing_ok=True)
        for path in FILES:
            shutil.copy(path, target / path)
        shutil.copy(PLAN, target / PLAN.name)
        shutil.copy(report, target / REPORT)
        plan = {"file": PLAN.name, "md5": md5(PLAN), **last_change(PLAN)}
        content = {"format": FORMAT, **about, "plan": plan, "rests_on": rests_on}
        write_json(target / MANIFEST, content | {"files": hashes(target)})


def recorded(lock: Path) -> dict[str, str]:
    """Return what DVC recorded of every file and folder that a stage reads or writes: its hash.

    Raises:
        StudyError: if stages know two versions of one, or there is no lock file.
    """
    found: dict[str, str] = {}
    text = read_text(lock, LOCK_FILE)
    with reading(lock, LOCK_FILE):
        stages = parse_yaml(text)["stages"].values()
    for stage in stages:
        for entry in (*stage.get("deps", ()), *stage.get("outs", ())):
            if entry.get("md5") and found.setdefault(entry["path"], entry["md5"]) != entry["md5"]:
                raise StudyError(
                    f"{lock}: expected one version of {entry['path']}, got two; run `dvc repro`"
                )
    return dict(sorted(found.items()))


def last_change(path: Path) -> dict[str, str]:
    """Return commit and time at which Git last changed a file; nothing outside of Git."""
    command = ["git", "log", "-1", "--format=%H %cI", "--", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        return {}
    commit, time = done.stdout.split()
    return {"commit": commit, "committed": time}


def hashes(folder: Path) -> dict[str, str]:
    """Return the MD5 of every file in a publication but its manifest, by path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): md5(p) for p in files if p != folder / MANIFEST}


def is_publication(path: Path) -> bool:
    """Return whether a path is a folder that `write` has left."""
    return (path / MANIFEST).is_file()


def manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a publication; `StudyError` if it is none of this format."""
    content = read_mapping(folder / MANIFEST)
    if content.get("format") != FORMAT or not isinstance(content.get("files"), dict):
        raise StudyError(
            f"{folder / MANIFEST}: expected a manifest of format {FORMAT}, got another; publish"
            " the study anew"
        )
    return content


def faults(folder: Path) -> Iterator[str]:
    """Yield a line for each file that is missing, changed or not in the manifest."""
    expected, found = manifest(folder)["files"], hashes(folder)
    for path in sorted(expected.keys() | found.keys()):
        if path not in found:
            yield f"{folder / path}: expected as published, got no file"
        elif path not in expected:
            yield f"{folder / path}: expected no file that is not in {MANIFEST}"
        elif found[path] != expected[path]:
            yield f"{folder / path}: expected MD5 {expected[path]}, got {found[path]}"
    lock = folder / LOCK.name
    if lock.is_file() and manifest(folder).get("rests_on") != recorded(lock):
        yield f"{folder / MANIFEST}: expected the hashes of {LOCK}, got others"
