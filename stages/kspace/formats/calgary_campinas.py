"""Scans in the Calgary-Campinas convention: reading with validation, slab by slab, and writing.

One h5 file a scan, dataset `kspace`, float32 (n_slices, n_ky, n_kz, 2 n_coils), real and imaginary
parts interleaved, hybrid space: axis 0 is already image space (Souza et al. 2018,
doi:10.1016/j.neuroimage.2017.08.021).
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import h5py
import numpy as np

from stages.storage.files import atomic_path
from stages.storage.hdf5 import check_stored
from stages.storage.reading import Kind, check_regular, reading, reason
from stages.study.errors import StudyError

DATASET = "kspace"
SUFFIXES = (".h5", ".hdf5")
H5 = Kind("an h5 scan", "copy it again or leave it out", "copy it again")
SLAB = 8  # slices read at once: 180 MB of complex64 at 256 x 218 x 180 with 12 coils


@dataclass(frozen=True)
class ScanFormat:
    """What the files do not say about themselves (section `data` of params.yaml)."""

    n_coils: int
    partial_fourier: float  # acquired part of the kz columns, (0, 1]

    def n_acquired(self, n_kz: int) -> int:
        """Return how many of the n_kz columns were acquired; DIRECT rounds up, so do we."""
        return ceil(self.partial_fourier * n_kz)


@dataclass(frozen=True)
class Scan:
    """A scan on disk whose layout was checked; its values are checked when they are read."""

    path: Path
    layout: ScanFormat
    n_slices: int
    n_ky: int
    n_kz: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Image grid (n_slices, n_ky, n_kz)."""
        return (self.n_slices, self.n_ky, self.n_kz)

    @property
    def n_acquired(self) -> int:
        """Number of acquired kz columns."""
        return self.layout.n_acquired(self.n_kz)

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return the k-space of slices [start, stop) as complex64 (slices, n_coils, n_ky, n_kz).

        Columns beyond the acquired part are set to zero, whatever the file holds there.

        Raises:
            StudyError: if the values are damaged, NaN or infinite.
        """
        stop = self.n_slices if stop is None else min(stop, self.n_slices)
        with _open(self.path) as file:
            return self._decode(_read(file[DATASET], start, stop, self.path), start)

    def slabs(self, size: int = SLAB) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (first slice, k-space) slab by slab, so that memory does not grow with the scan."""
        for start, values in self.stored_slabs(size):
            yield start, self._decode(values, start)

    def stored_slabs(self, size: int = SLAB) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (first slice, values as in the file (slices, n_ky, n_kz, 2 n_coils)), unchecked."""
        with _open(self.path) as file:
            for start in range(0, self.n_slices, size):
                stop = min(start + size, self.n_slices)
                yield start, _read(file[DATASET], start, stop, self.path)

    def _decode(self, values: np.ndarray, start: int) -> np.ndarray:
        _check_finite(values, start, self.path)
        kspace = interleaved_to_complex(values)
        kspace[..., self.n_acquired :] = 0
        return kspace


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
    paths, faults = find_scans(folder, files)
    if faults:
        raise StudyError(faults[0])
    return [open_scan(path, layout) for path in paths]


def find_scans(folder: Path, files: tuple[str, ...] | None = None) -> tuple[list[Path], list[str]]:
    """Return the scans that are there, sorted by name, and a line for each that is wanted in vain.

    Args:
        folder: where they lie.
        files: names in the folder; None: all scans of it.
    """
    if not folder.is_dir():
        return [], [
            f"{folder}: expected a folder of h5 scans, found none; run `dvc repro` or import data"
        ]
    if files is None:
        paths = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
        empty = f"{folder}: expected at least one .h5 scan, found an empty folder"
        return paths, [] if paths else [empty]
    names = sorted(set(files))
    faults = [fault for name in names if (fault := _name_fault(folder, name, files.count(name)))]
    if not names:
        faults = [f"{folder}: expected at least one name in its list of files, got none"]
    return [folder / name for name in names if not _name_fault(folder, name, 1)], faults


def _name_fault(folder: Path, name: str, count: int) -> str | None:
    listed = f"{folder}: '{name}' in its list of files"
    if Path(name).name != name:
        return f"{listed}: expected a name without a folder; leave the folder out"
    if Path(name).suffix not in SUFFIXES:
        return f"{listed}: expected a name that ends in {' or '.join(SUFFIXES)}; correct it"
    if not (folder / name).is_file():
        return f"{listed}: expected such a scan, found none; correct the list or add the scan"
    if count > 1:
        return f"{listed}: expected each name once, got it {count} times; name it once"
    return None


def open_scan(path: Path, layout: ScanFormat) -> Scan:
    """Check the layout of one file, not its values; raise `StudyError` if it is wrong."""
    with _open(path) as file, reading(path, H5):
        dataset = file.get(DATASET)
        if not isinstance(dataset, h5py.Dataset):
            names = ", ".join(file) or "nothing"
            raise StudyError(f"{path}: expected a dataset '{DATASET}', found {names}")
        _check_layout(dataset, layout, path)
        check_stored(dataset, path)
        n_slices, n_ky, n_kz, _ = dataset.shape
    return Scan(path, layout, n_slices, n_ky, n_kz)


def identity(scan: Scan) -> str:
    """Return the SHA-256 of the stored middle slice: it tells scans apart whatever their names.

    The noise of one slice is that of no other scan, and reading it takes no time.

    Raises:
        StudyError: if the slice cannot be read.
    """
    middle = scan.n_slices // 2
    with _open(scan.path) as file:
        values = _read(file[DATASET], middle, middle + 1, scan.path)
    stored = np.ascontiguousarray(values, dtype=np.float32)
    return hashlib.sha256(repr(scan.shape).encode() + stored.tobytes()).hexdigest()


def identities(scans: Iterable[Scan]) -> dict[Path, str]:
    """Return the identity of each file."""
    return {scan.path: identity(scan) for scan in scans}


def write_scan(path: Path, kspace: np.ndarray) -> None:
    """Write k-space (n_slices, n_coils, n_ky, n_kz), complex, as a Calgary-Campinas file."""
    with (
        atomic_path(path) as temporary,
        h5py.File(temporary, "w", track_order=False) as file,
    ):
        file.create_dataset(DATASET, data=complex_to_interleaved(kspace), track_times=False)


def interleaved_to_complex(values: np.ndarray) -> np.ndarray:
    """Turn (slices, n_ky, n_kz, 2 n_coils) float32 into (slices, n_coils, n_ky, n_kz) complex64."""
    channels_last = np.ascontiguousarray(values, dtype=np.float32).view(np.complex64)
    return np.ascontiguousarray(np.moveaxis(channels_last, -1, 1))


def complex_to_interleaved(kspace: np.ndarray) -> np.ndarray:
    """Turn (slices, n_coils, n_ky, n_kz) complex into (slices, n_ky, n_kz, 2 n_coils) float32."""
    channels_last = np.ascontiguousarray(np.moveaxis(kspace, 1, -1), dtype=np.complex64)
    return channels_last.view(np.float32)


@contextmanager
def _open(path: Path) -> Iterator[h5py.File]:
    check_regular(path, H5)
    try:
        file = h5py.File(path, "r")
    except Exception as error:
        raise StudyError(
            f"{path}: expected an h5 scan, got a file that is truncated or not h5"
            f" ({reason(error)}); copy it again"
        ) from None
    with file:
        yield file


def _read(dataset: h5py.Dataset, start: int, stop: int, path: Path) -> np.ndarray:
    try:
        return dataset[start:stop]
    except Exception as error:
        raise StudyError(
            f"{path}: slices {start} to {stop - 1} cannot be read ({reason(error)});"
            " copy the file again"
        ) from None


def _check_layout(dataset: h5py.Dataset, layout: ScanFormat, path: Path) -> None:
    shape = dataset.shape
    if len(shape) != 4 or 0 in shape:
        raise StudyError(
            f"{path}: expected kspace of shape (slices, ky, kz, 2 x coils), got {shape}"
        )
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize != np.float32().itemsize:
        raise StudyError(
            f"{path}: expected float32 with real and imaginary parts interleaved,"
            f" got {dataset.dtype}"
        )
    if shape[3] != 2 * layout.n_coils:
        raise StudyError(
            f"{path}: expected {2 * layout.n_coils} channels (2 x data.n_coils),"
            f" got {shape[3]}; correct data.n_coils or leave the scan out"
        )


def _check_finite(values: np.ndarray, start: int, path: Path) -> None:
    # the sum of a slice is finite if and only if all is well, short of overflow: one cheap pass
    sums = values.sum(axis=(1, 2, 3), dtype=np.float64)
    if not np.isfinite(sums).all():
        bad = start + int(np.flatnonzero(~np.isfinite(sums))[0])
        raise StudyError(
            f"{path}: expected finite k-space, got NaN or infinity in slice {bad};"
            " leave the scan out or convert it again"
        )
