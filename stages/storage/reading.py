"""Reading a file of a known kind: whatever is wrong with it becomes one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stages.study.errors import StudyError, lock_line, without_locks

REASON_LENGTH = 160  # characters of a library's own words


@dataclass(frozen=True)
class Kind:
    """What a file should be, and what to do where there is none or a damaged one."""

    name: str
    missing: str
    damaged: str


@contextmanager
def reading(path: Path, kind: Kind) -> Iterator[None]:
    """Read a regular file inside; whatever its content makes a library raise becomes one line.

    Raises:
        StudyError: if there is no such file, something else stands in its place, or it is damaged.
    """
    check_regular(path, kind)
    try:
        yield
    except StudyError:
        raise
    except Exception as error:
        if without_locks(error):
            raise StudyError(lock_line(path, error)) from None
        raise damaged(path, kind, reason(error)) from None


def check_regular(path: Path, kind: Kind) -> None:
    """Raise `StudyError` unless a regular file is there, links followed: a pipe would never end."""
    try:
        there, regular = path.exists(), path.is_file()
    except (OSError, RuntimeError) as error:  # links in a circle, a name that is too long
        raise damaged(path, kind, reason(error)) from None
    if regular:
        return
    if there:
        found = "a folder" if path.is_dir() else "a pipe or device"
        raise StudyError(f"{path}: expected {kind.name}, got {found}; {kind.damaged}")
    found = "got a link to nothing" if path.is_symlink() else "found none"
    raise StudyError(f"{path}: expected {kind.name}, {found}; {kind.missing}")


def damaged(path: Path, kind: Kind, why: str) -> StudyError:
    """Return the error of a file whose content is not what its kind promises."""
    return StudyError(f"{path}: expected {kind.name}, got a damaged file ({why}); {kind.damaged}")


def reason(error: Exception) -> str:
    """Return an error's own words in one short line, its name where it has none."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= REASON_LENGTH else f"{words[:REASON_LENGTH]}..."
