"""Safe files: nothing partial ever stands under a final name."""

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.errors import StudyError
from stages.intake.files import Kind, reading
from stages.intake.text import parse_json, read_text

SIGNIFICANT_DIGITS = 6
CHUNK_BYTES = 1 << 20
JSON = Kind("a JSON file", "run `dvc repro`", "remake it")


@contextmanager
def atomic_path(final: Path | str) -> Iterator[Path]:
    """Yield a path beside `final` (same suffixes); rename it on success, delete it on failure."""
    final = Path(final)
    final.parent.mkdir(parents=True, exist_ok=True)
    suffix = "".join(final.suffixes[-2:])
    handle, name = tempfile.mkstemp(prefix=".partial-", suffix=suffix, dir=final.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(final: Path | str) -> Iterator[Path]:
    """Yield a new folder beside `final`; it takes the place of `final` only when all went well."""
    final = Path(final)
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".partial-", dir=final.parent))
    temporary.chmod(0o755)
    try:
        yield temporary
        if final.exists():
            shutil.rmtree(final)
        temporary.replace(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


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
