"""Scans in the Calgary-Campinas convention: reading with validation, in batches, and writing.

One h5 file a scan, dataset `kspace`, float32 (n_slices, n_ky, n_kz, 2 n_coils), real and imaginary
parts interleaved, hybrid space: axis 0 is already image space (Souza et al. 2018,
doi:10.1016/j.neuroimage.2017.08.021).
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from stages.kspace.formats.protocol import BATCH, FileFormat, ScanFormat
from stages.kspace.fourier import origin_phase
from stages.kspace.region import elliptical
from stages.storage.files import atomic_path
from stages.storage.hdf5 import check_stored
from stages.storage.nifti import affine
from stages.storage.reading import Kind, check_regular, reading, reason
from stages.study.errors import StudyError, lock_line, without_locks

DATASET = "kspace"
SUFFIXES = (".h5", ".hdf5")
H5 = Kind("an h5 scan", "copy it again or leave it out", "copy it again")


@dataclass(frozen=True)
class CalgaryCampinasScan:
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
    def n_coils(self) -> int:
        """Number of receive channels."""
        return self.layout.n_coils

    @property
    def partial_fourier(self) -> float:
        """Acquired fraction of the kz columns."""
        return self.layout.partial_fourier

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) voxel to RAS mm; the files do not hold it."""
        return affine(self.shape, self.layout.voxel_size_mm, self.layout.axis_codes)

    @property
    def n_acquired(self) -> int:
        """Number of acquired kz columns."""
        return self.layout.n_acquired(self.n_kz)

    @cached_property
    def acquired(self) -> np.ndarray:
        """Which positions (n_ky, n_kz), bool, were acquired.

        What is exactly zero in the middle slice was not, unless `acquired` of the format says that
        all of the columns were.

        Raises:
            StudyError: if the slice cannot be read.
        """
        matrix = (self.n_ky, self.n_kz)
        columns = np.broadcast_to(np.arange(self.n_kz) < self.n_acquired, matrix)
        if self.layout.acquired == "columns":
            return columns
        held = columns & self._middle_slice().any(axis=-1)
        return held & elliptical(matrix) if self.layout.acquired == "ellipse" else held

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return the k-space of slices [start, stop) as complex64 (slices, n_coils, n_ky, n_kz).

        Positions that were not acquired are set to zero, whatever the file holds there.

        Raises:
            StudyError: if the values are damaged, NaN or infinite.
        """
        stop = self.n_slices if stop is None else min(stop, self.n_slices)
        with _open(self.path) as file:
            return self._decode(_read(file[DATASET], start, stop, self.path), start)

    def batches(self, size: int = BATCH) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (first slice, k-space) batch by batch: memory does not grow with the scan."""
        for start, values in self.stored_batches(size):
            yield start, self._decode(values, start)

    def stored_batches(self, size: int = BATCH) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (first slice, values as in the file (slices, n_ky, n_kz, 2 n_coils)), unchecked."""
        with _open(self.path) as file:
            for start in range(0, self.n_slices, size):
                stop = min(start + size, self.n_slices)
                yield start, _read(file[DATASET], start, stop, self.path)

    def identity(self) -> str:
        """Return the SHA-256 of the stored middle slice: it tells scans apart whatever their names.

        The noise of one slice is that of no other scan, and reading it takes no time.

        Raises:
            StudyError: if the slice cannot be read.
        """
        stored = np.ascontiguousarray(self._middle_slice()[None], dtype=np.float32)
        return hashlib.sha256(repr(self.shape).encode() + stored.tobytes()).hexdigest()

    def _middle_slice(self) -> np.ndarray:
        """Return the values (n_ky, n_kz, 2 n_coils) of the middle slice as stored."""
        middle = self.n_slices // 2
        with _open(self.path) as file:
            return _read(file[DATASET], middle, middle + 1, self.path)[0]

    def _decode(self, values: np.ndarray, start: int) -> np.ndarray:
        _check_finite(values, start, self.path)
        kspace = interleaved_to_complex(values)
        kspace[..., self.n_acquired :] = 0
        if self.layout.acquired != "columns":
            kspace *= self.acquired
        if self.layout.centred_transform:
            kspace *= origin_phase((self.n_ky, self.n_kz))
        return kspace


def open_scan(path: Path, layout: ScanFormat) -> CalgaryCampinasScan:
    """Check the layout of one file, not its values; raise `StudyError` if it is wrong."""
    with _open(path) as file, reading(path, H5):
        dataset = file.get(DATASET)
        if not isinstance(dataset, h5py.Dataset):
            names = ", ".join(file) or "nothing"
            raise StudyError(f"{path}: expected a dataset '{DATASET}', found {names}")
        _check_layout(dataset, layout, path)
        check_stored(dataset, path)
        n_slices, n_ky, n_kz, _ = dataset.shape
    return CalgaryCampinasScan(path, layout, n_slices, n_ky, n_kz)


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
        if without_locks(error):
            raise StudyError(lock_line(path, error)) from None
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


CALGARY_CAMPINAS = FileFormat("calgary_campinas", SUFFIXES, open_scan, write_scan)
