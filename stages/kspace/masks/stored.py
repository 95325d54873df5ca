"""Masks in numpy's format, as the kinds that read files find them."""

from pathlib import Path

import numpy as np

from stages.storage.reading import Kind, reading
from stages.study.errors import StudyError


def stored_array(path: Path, kind: Kind) -> np.ndarray:
    """Return the array of a .npy file, still on disk; `StudyError` if it is missing or damaged."""
    with reading(path, kind):
        return np.lib.format.open_memmap(path, mode="r")


def is_numeric(array: np.ndarray) -> bool:
    """Return whether an array holds truth values or real numbers."""
    return array.dtype.kind in "biuf"


def as_bool(mask: np.ndarray, where: str, advice: str) -> np.ndarray:
    """Return an array of 0 and 1 as truth values.

    Args:
        mask: real numbers or truth values.
        where: the file, for the message.
        advice: what to do about other values, and where they are.

    Raises:
        StudyError: if there are other values.
    """
    if not np.isin(mask, (0, 1)).all():
        raise StudyError(f"{where}: expected masks of 0 and 1, got other values{advice}")
    return np.asarray(mask, dtype=bool)
