"""Scans in the Calgary-Campinas convention: reading with validation, slab by slab, and writing.

One h5 file a scan, dataset `kspace`, float32 (n_slices, n_ky, n_kz, 2 n_coils), real and imaginary
parts interleaved, hybrid space: axis 0 is already image space (Souza et al. 2018,
doi:10.1016/j.neuroimage.2017.08.021).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import h5py
import numpy as np

from stages.errors import StudyError
from stages.files import atomic_path

DATASET = "kspace"
SUFFIXES = (".h5", ".hdf5")
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
        with _open(self.path) as file:
            for start in range(0, self.n_slices, size):
                stop = min(start + size, self.n_slices)
                yield start, self._decode(_read(file[DATASET], start, stop, self.path), start)

    def _decode(self, values: np.ndarray, start: int) -> np.ndarray:
        _check_finite(values, start, self.path)
        kspace = interleaved_to_complex(values)
        kspace[..., self.n_acquired :] = 0
        return kspace


def list_scans(folder: Path, layout: ScanFormat) -> list[Scan]:
    """Return the scans of a folder sorted by name, their layout checked.

    Raises:
        StudyError: if the folder is missing or empty, or a file is not such a scan.
    """
    if not folder.is_dir():
        raise StudyError(
            f"{folder}: expected a folder of h5 scans, found none; run `dvc repro` or import data"
        )
    paths = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    if not paths:
        raise StudyError(f"{folder}: expected at least one .h5 scan, found an empty folder")
    return [open_scan(path, layout) for path in paths]


def open_scan(path: Path, layout: ScanFormat) -> Scan:
    """Check the layout of one file, not its values; raise `StudyError` if it is wrong."""
    with _open(path) as file:
        dataset = file.get(DATASET)
        if not isinstance(dataset, h5py.Dataset):
            names = ", ".join(file) or "nothing"
            raise StudyError(f"{path}: expected a dataset '{DATASET}', found {names}")
        _check_layout(dataset, layout, path)
        n_slices, n_ky, n_kz, _ = dataset.shape
    return Scan(path, layout, n_slices, n_ky, n_kz)


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
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise StudyError(f"{path}: expected an h5 scan, found none") from None
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise StudyError(
            f"{path}: expected an h5 scan, got a file that is truncated or not h5 ({reason});"
            " copy it again"
        ) from None
    with file:
        yield file


def _read(dataset: h5py.Dataset, start: int, stop: int, path: Path) -> np.ndarray:
    try:
        return dataset[start:stop]
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise StudyError(
            f"{path}: slices {start} to {stop - 1} cannot be read ({reason}); copy the file again"
        ) from None


def _check_layout(dataset: h5py.Dataset, layout: ScanFormat, path: Path) -> None:
    shape = dataset.shape
    if len(shape) != 4 or 0 in shape:
        raise StudyError(
            f"{path}: expected kspace of shape (slices, ky, kz, 2 x coils), got {shape}"
        )
    if dataset.dtype.kind != "f":
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
