"""The one exception of the study, and what a user is told of it in one line."""

import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager

# what a system says of a place that it cannot write or read, and what to do about it
REMEDIES = {
    errno.ENOSPC: "free some room there",
    errno.EDQUOT: "free some of your quota there",
    errno.EFBIG: "raise the limit of a file's size (`ulimit -f`)",
    errno.EROFS: "make that place writable",
    errno.EACCES: "correct the permissions there",
    errno.EPERM: "correct the permissions there",
    errno.EIO: "look after that disk, which has failed",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`)",
}
# what torch (on a CPU, on a GPU), the C++ library and the loader of shared libraries say
NO_MEMORY = (
    "can't allocate memory",
    "out of memory",
    "bad_alloc",
    "failed to map segment from shared object",
)
NO_LOCK = "unable to lock file"  # HDF5, where a file system has no locks
LESS_MEMORY = "lower compute.workers or reconstruct.batch_size, or give it more memory"


class StudyError(Exception):
    """A fault the user can correct, in one line: file, what was expected, what came, what to do."""


def line_of(error: Exception) -> str | None:
    """Return what to tell the user of an exception; None where it is a defect of the study."""
    if isinstance(error, StudyError):
        return str(error)
    if isinstance(error, UnicodeEncodeError):
        return unreadable_name(error.object)
    if without_locks(error):
        return lock_line("an HDF5 file", error)
    if isinstance(error, OSError) and error.errno in REMEDIES:
        return (
            f"{error.filename or 'disk'}: expected to write and read there, got"
            f" '{os.strerror(error.errno)}'; nothing partial is kept under that name:"
            f" {REMEDIES[error.errno]} and run again"
        )
    if isinstance(error, BrokenExecutor):
        return (
            "a worker process was killed, most often for want of memory; nothing partial is kept:"
            f" {LESS_MEMORY} and run again"
        )
    if out_of_memory(error):
        return f"{lacking(error)}; nothing partial is kept: {LESS_MEMORY} and run again"
    return None


def unreadable_name(text: str) -> str:
    """Return what to tell the user of a name that cannot be written as text."""
    shown = text.strip().encode("ascii", "backslashreplace").decode()
    return (
        f"{shown}: expected names in UTF-8, got another encoding; run in a UTF-8 locale (`export"
        " LC_ALL=C.UTF-8`), or rename the file"
    )


def without_locks(error: Exception) -> bool:
    """Tell whether HDF5 could not lock a file."""
    return isinstance(error, OSError) and NO_LOCK in str(error)


def lock_line(name: object, error: Exception) -> str:
    """Return what to tell the user where HDF5 could not lock a file."""
    reason = " ".join(str(error).split())
    return (
        f"{name}: expected to lock the file before it is used, got '{reason}': a file system"
        " without locks, or another process writes the file; set HDF5_USE_FILE_LOCKING=FALSE in the"
        " environment, or wait for that process"
    )


def out_of_memory(error: Exception) -> bool:
    """Tell whether memory has run out, which not only a MemoryError says."""
    if isinstance(error, RuntimeError | ImportError):
        return any(words in str(error) for words in NO_MEMORY)
    return isinstance(error, MemoryError)


def lacking(error: Exception) -> str:
    """Return what came in the place of memory, in a line."""
    reason = str(error).splitlines()[0] if str(error) else "no more"
    return f"memory: expected enough of it, got '{reason}'"


@contextmanager
def memory_for(advice: Callable[[], str]) -> Iterator[None]:
    """Say what to do where memory runs out, for work that knows better advice than `line_of`."""
    try:
        yield
    except (MemoryError, RuntimeError, ImportError) as error:
        if not out_of_memory(error):
            raise
        raise StudyError(f"{lacking(error)}; {advice()} and run again") from None
