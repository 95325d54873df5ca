"""Zip archives (numpy's npz, torch's checkpoints): sizes are held against the file beforehand."""

import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from stages.storage.reading import Kind, damaged, reading

SUFFIX = ".npy"


def read_arrays(path: Path, kind: Kind, largest_bytes: int) -> dict[str, np.ndarray]:
    """Read all arrays of an npz file; nothing is allocated before its size is known to be true.

    Args:
        path: the file.
        kind: what it should be.
        largest_bytes: of all arrays together, uncompressed.

    Raises:
        StudyError: if it is missing or damaged, holds objects or more than `largest_bytes`.
    """
    with reading(path, kind), zipfile.ZipFile(path) as archive:
        members = checked_members(archive, largest_bytes)
        arrays = {}
        for member in members:
            name = member.filename
            if not name.endswith(SUFFIX):
                raise ValueError(f"member '{name}' is no array")
            with archive.open(member) as stream:
                check_header(stream, member.file_size, name)  # type: ignore[arg-type]  # binary
            with archive.open(member) as stream:
                arrays[name.removesuffix(SUFFIX)] = np.lib.format.read_array(
                    stream, allow_pickle=False
                )
        return arrays


def checked_members(archive: zipfile.ZipFile, largest_bytes: int) -> list[zipfile.ZipInfo]:
    """Return the members of an archive; raise `ValueError` for names and sizes no one means."""
    members = archive.infolist()
    names = [member.filename for member in members]
    for name in names:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or names.count(name) > 1:
            raise ValueError(f"expected each member once and below the archive, got '{name}'")
    total = sum(member.file_size for member in members)
    if total > largest_bytes:
        raise ValueError(f"unpacks to {total} bytes, more than {largest_bytes}")
    return members


def check_header(stream: BinaryIO, size: int, name: str) -> None:
    """Raise `ValueError` if an array's header promises other than the bytes that are there."""
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"array '{name}' is of the unknown version {version}")
    shape, _, dtype = read[version](stream)
    if dtype.hasobject:
        raise ValueError(f"array '{name}' holds objects, which are never loaded")
    expected = stream.tell()
    for side in (dtype.itemsize, *shape):
        if side < 0:
            raise ValueError(f"array '{name}' has the shape {shape}")
    expected += int(np.prod([dtype.itemsize, *shape], dtype=object))
    if expected != size:
        raise ValueError(f"array '{name}' of {shape} needs {expected} bytes, the file has {size}")


def check_uncompressed(path: Path, kind: Kind) -> None:
    """Raise `StudyError` if a checkpoint of torch, which never compresses, unpacks to more."""
    with reading(path, kind):
        if not zipfile.is_zipfile(path):
            return  # torch's older format, or no checkpoint at all
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
        size = path.stat().st_size
    if total > size:
        raise damaged(path, kind, f"unpacks to {total} bytes from {size}")
