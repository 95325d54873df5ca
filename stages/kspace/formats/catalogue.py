"""The formats of scan files, and the scans of a folder.

A new format is a module with a class that follows `Scan` and its `FileFormat`, and its line here.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from stages.kspace.formats import calgary_campinas
from stages.kspace.formats.calgary_campinas import CALGARY_CAMPINAS
from stages.kspace.formats.fastmri import FASTMRI
from stages.kspace.formats.ismrmrd import ISMRMRD
from stages.kspace.formats.protocol import FileFormat, FormatName, Scan, ScanFormat
from stages.study.errors import StudyError

FORMATS: dict[str, FileFormat] = {each.name: each for each in (CALGARY_CAMPINAS, FASTMRI, ISMRMRD)}
"""By name."""
WRITTEN = CALGARY_CAMPINAS
"""The format that the study writes itself."""


def list_scans(
    folder: Path, layout: ScanFormat, files: tuple[str, ...] | None = None
) -> list[Scan]:
    """Return the scans of a folder sorted by name, their layout checked.

    Args:
        folder: where they lie.
        layout: what they do not say about themselves.
        files: names in the folder; None: all scans of it.

    Raises:
        StudyError: if the folder is missing or empty, a name of the list is wrong or not there, or
            a file is not such a scan.
    """
    paths, faults = find_scans(folder, files, layout.format)
    if faults:
        raise StudyError(faults[0])
    return [open_scan(path, layout) for path in paths]


def find_scans(
    folder: Path, files: tuple[str, ...] | None = None, kind: FormatName = WRITTEN.name
) -> tuple[list[Path], list[str]]:
    """Return the scans that are there, sorted by name, and a line for each that is wanted in vain.

    Args:
        folder: where they lie.
        files: names in the folder; None: all scans of it.
        kind: their format.
    """
    suffixes = FORMATS[kind].suffixes
    if not folder.is_dir():
        return [], [
            f"{folder}: expected a folder of h5 scans, found none; run `dvc repro` or import data"
        ]
    if files is None:
        paths = sorted(path for path in folder.iterdir() if named_as_scan(path.name, suffixes))
        empty = f"{folder}: expected at least one {suffixes[0]} scan, found an empty folder"
        return paths, [] if paths else [empty]
    names = sorted(set(files))
    found = {name: _name_fault(folder, name, files.count(name), suffixes) for name in names}
    faults = [fault for fault in found.values() if fault]
    if not names:
        faults = [f"{folder}: expected at least one name in its list of files, got none"]
    there = [name for name in names if not _name_fault(folder, name, 1, suffixes)]
    return [folder / name for name in there], faults


def left_out(
    folder: Path, files: tuple[str, ...] | None = None, kind: FormatName = WRITTEN.name
) -> list[str]:
    """Return a line if a folder holds names, hidden ones aside, that are not those of scans.

    Args:
        folder: where scans lie.
        files: names in the folder that were chosen, so that nothing else is missed; None: all.
        kind: format of the scans.
    """
    suffixes = FORMATS[kind].suffixes
    names = [path.name for path in folder.iterdir()] if folder.is_dir() and files is None else []
    others = sorted(n for n in names if not n.startswith(".") and not named_as_scan(n, suffixes))
    if not others:
        return []
    return [f"{folder}: left out {', '.join(others)}: scans end in {' or '.join(suffixes)}"]


def named_as_scan(name: str, suffixes: tuple[str, ...] = WRITTEN.suffixes) -> bool:
    """Tell whether a file is a scan by its name, in capital letters or not."""
    return Path(name).suffix.lower() in suffixes


def _name_fault(folder: Path, name: str, count: int, suffixes: tuple[str, ...]) -> str | None:
    listed = f"{folder}: '{name}' in its list of files"
    if Path(name).name != name:
        return f"{listed}: expected a name without a folder; leave the folder out"
    if not named_as_scan(name, suffixes):
        return f"{listed}: expected a name that ends in {' or '.join(suffixes)}; correct it"
    if not (folder / name).is_file():
        return f"{listed}: expected such a scan, found none; correct the list or add the scan"
    if count > 1:
        return f"{listed}: expected each name once, got it {count} times; name it once"
    return None


def open_scan(path: Path, layout: ScanFormat) -> Scan:
    """Check the layout of one file, not its values; raise `StudyError` if it is wrong.

    Where the file has the names of another format inside, the line says which.
    """
    kind = FORMATS[layout.format]
    try:
        return kind.open(path, layout)
    except StudyError as error:
        # a pipe would never end
        if path.is_file() and not kind.looks_like(path):
            for other in FORMATS.values():
                if other.looks_like(path):
                    raise StudyError(
                        f"{error}; it looks like a file of {other.title}: set data.format:"
                        f" {other.name}"
                    ) from None
        raise


def write_scan(path: Path, kspace: np.ndarray) -> None:
    """Write k-space (n_slices, n_coils, n_ky, n_kz), complex, as a scan of the study."""
    calgary_campinas.write_scan(path, kspace)


def identities(scans: Iterable[Scan]) -> dict[Path, str]:
    """Return the identity of each file."""
    return {scan.path: scan.identity() for scan in scans}
