"""Safe files: nothing partial ever stands under a final name."""

import fcntl
import hashlib
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.storage.reading import Kind, reading
from stages.storage.text import parse_json, read_text
from stages.study.errors import REMEDIES, StudyError

SIGNIFICANT_DIGITS = 6
CHUNK_BYTES = 1 << 20
JSON = Kind("a JSON file", "run `dvc repro`", "remake it")
PARTIAL = ".partial-"  # DVC ignores such names (.dvcignore)
RANDOM = re.compile(r"[a-z0-9_]{8}")  # what tempfile adds to a prefix


@contextmanager
def atomic_path(final: Path | str) -> Iterator[Path]:
    """Yield a path of the same name in a folder beside `final`; it goes there when all went well.

    Raises:
        OSError: naming `final`, if the disk does not take it.
    """
    final = Path(final)
    with _beside(final) as folder:
        temporary = folder / final.name
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(final)


@contextmanager
def atomic_directory(final: Path | str) -> Iterator[Path]:
    """Yield a new folder beside `final`; it takes the place of `final` only when all went well.

    Raises:
        OSError: naming what would lie in `final`, if the disk does not take it.
    """
    final = Path(final)
    with _beside(final) as folder:
        folder.chmod(0o755)
        yield folder
        if final.exists():  # renamed before it is deleted: deleting may be cut short
            with _beside(final) as aside:
                final.replace(aside / final.name)
                folder.replace(final)
        else:
            folder.replace(final)


@contextmanager
def _beside(final: Path) -> Iterator[Path]:
    """Yield a new folder beside `final`, locked as long as it is written, and delete it.

    What killed processes left of `final` goes first: the system has released their locks. Errors
    of the system name what would lie beside the folder, or in `final` in its stead.
    """
    prefix = f"{PARTIAL}{final.name}-"
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        for left in _left_over(final.parent, prefix):
            shutil.rmtree(left, ignore_errors=True)
        # as relative as `final` is: errors and links name it
        folder = final.parent / Path(tempfile.mkdtemp(prefix=prefix, dir=final.parent)).name
        with _locked(folder):
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        if error.errno in REMEDIES:
            error.filename = _final_name(error.filename, final)
        raise


def _left_over(parent: Path, prefix: str) -> list[Path]:
    with os.scandir(parent) as entries:
        found = [
            Path(entry.path)
            for entry in entries
            if entry.name.startswith(prefix) and RANDOM.fullmatch(entry.name[len(prefix) :])
        ]
    return [path for path in found if _abandoned(path)]


def _abandoned(folder: Path) -> bool:
    with _locked(folder) as mine:
        return mine


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Lock a folder for as long as this process lives; tell whether that could be done.

    Where it cannot be, as on some network file systems, folders of killed processes stay.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _final_name(name: str | None, final: Path) -> str:
    """Return the name of what was to be, for that of what was being written beside it."""
    try:
        first, *others = Path(name or final).relative_to(final.parent).parts
    except ValueError:
        return str(name)
    if not first.startswith(f"{PARTIAL}{final.name}-"):
        return str(name or final)
    return str(final) if others == [final.name] else str(final.joinpath(*others))


def write_json(path: Path | str, content: Any) -> None:
    """Write JSON with floats to six significant digits; raise `StudyError` on NaN or infinity."""
    text = json.dumps(_rounded(content, Path(path)), indent=2, allow_nan=False, ensure_ascii=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path | str) -> Any:
    """Read a JSON file; raise `StudyError` if it is missing, damaged or says a key twice."""
    text = read_text(Path(path), JSON)
    with reading(Path(path), JSON):
        return parse_json(text)


def read_mapping(path: Path | str) -> dict[str, Any]:
    """Read a JSON file that holds one object; raise `StudyError` if it holds anything else."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise StudyError(
            f"{path}: expected a JSON object, got {type(content).__name__}; {JSON.damaged}"
        )
    return content


def md5(path: Path | str) -> str:
    """Return the MD5 of a file, the hash that DVC uses too."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _rounded(content: Any, path: Path) -> Any:
    if isinstance(content, dict):
        return {str(key): _rounded(value, path) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_rounded(value, path) for value in content]
    if isinstance(content, str | bool | int) or content is None:
        return content
    value = float(content)
    if not math.isfinite(value):
        raise StudyError(f"{path}: expected finite numbers, got {value}; the analysis has a gap")
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
