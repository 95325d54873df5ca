"""A finished study as a folder that stands for itself: parameters, numbers, figures, the report.

Its manifest holds the hash of every file in it, and those of the code, data and weights that the
numbers rest on, as DVC recorded them. The plan of analysis is in it as it stood, with the commit
that last changed it: what was decided before a study ran can be told from what came after.
"""

import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.storage.files import atomic_directory, md5, read_mapping, write_json
from stages.storage.reading import Kind, reading
from stages.storage.text import parse_yaml, read_text
from stages.study.errors import StudyError

FORMAT = "study-1"
MANIFEST = "manifest.json"
REPORT = "report.html"
PLAN = Path("docs/analysis-plan.md")
LOCK = Path("dvc.lock")
SCHEMA = "2.0"  # of DVC's lock files
FOLDERS = (Path("metrics"), Path("plots"))
FILES = {
    Path("params.yaml"): "params.yaml",
    Path("params.segmenters.yaml"): "params.segmenters.yaml",
    Path("dvc.yaml"): "pipeline.yaml",  # DVC runs every dvc.yaml of a repository
}
"""File of a study -> its name in a publication."""
LOCK_FILE = Kind("the lock file of a finished study", "run `dvc repro`", "restore it")
FIGURES = Path("plots/report")
INSIDE = FIGURES / "report.html"  # the same report without the record of the run


def write(
    folder: Path,
    report: Path | None,
    about: Mapping[str, Any],
    stages: Collection[str] | None = None,
    without: Collection[Path] = (),
) -> None:
    """Copy the finished study in the current folder into `folder`, in place of what was there.

    Args:
        folder: a new one, or one that holds a publication.
        report: the HTML report with the record of the run. None: neither it nor the figures.
        about: what the manifest says of version, revision and machine.
        stages: those of the study; DVC leaves others in dvc.lock, of members that it no longer
            has. None: all of dvc.lock.
        without: files that are none of the study's.

    Raises:
        StudyError: if the folder holds anything else, or dvc.lock knows two versions of a file.
    """
    if folder.exists() and not (folder / MANIFEST).is_file() and any(folder.iterdir()):
        raise StudyError(
            f"{folder}: expected a new folder or one with {MANIFEST}, got something else; name"
            " another one"
        )
    lock = {n: s for n, s in locked(LOCK).items() if stages is None or n in stages}
    rests_on = recorded(lock, LOCK)
    with atomic_directory(folder) as target:
        for path in FOLDERS:
            shutil.copytree(path, target / path)
        if report is None:
            shutil.rmtree(target / FIGURES, ignore_errors=True)
        else:
            shutil.copy(report, target / REPORT)
        for path in (INSIDE, *without):
            (target / path).unlink(missing_ok=True)
        for path, name in FILES.items():
            shutil.copy(path, target / name)
        text = yaml.safe_dump({"schema": SCHEMA, "stages": lock}, sort_keys=False)
        (target / LOCK).write_text(text, encoding="utf-8")
        shutil.copy(PLAN, target / PLAN.name)
        plan = {"file": PLAN.name, "md5": md5(PLAN), **last_change(PLAN)}
        content = {"format": FORMAT, **about, "plan": plan, "rests_on": rests_on}
        write_json(target / MANIFEST, content | {"files": hashes(target)})


def locked(lock: Path) -> dict[str, Any]:
    """Return the stages of a lock file by name; `StudyError` if it is none."""
    text = read_text(lock, LOCK_FILE)
    with reading(lock, LOCK_FILE):
        return dict(parse_yaml(text)["stages"])


def recorded(stages: Mapping[str, Any], lock: Path) -> dict[str, str]:
    """Return what DVC recorded of every file and folder that a stage reads or writes: its hash.

    Args:
        stages: of a lock file, by name.
        lock: the file, which an error names.

    Raises:
        StudyError: if stages know two versions of one.
    """
    found: dict[str, str] = {}
    for stage in stages.values():
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
    if lock.is_file() and manifest(folder).get("rests_on") != recorded(locked(lock), lock):
        yield f"{folder / MANIFEST}: expected the hashes of {LOCK}, got others"
