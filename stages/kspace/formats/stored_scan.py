"""What scans of all formats share: reading with checks, in batches, and what h5 files need."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from stages.kspace.formats.protocol import BATCH, Geometry, ScanFormat
from stages.kspace.fourier import origin_phase
from stages.kspace.region import RIM, elliptical
from stages.storage.reading import Kind, check_regular, reason
from stages.study.errors import StudyError, lock_line, without_locks

H5 = Kind("an h5 scan", "copy it again or leave it out", "copy it again")


@dataclass(frozen=True, eq=False)
class StoredScan(ABC):
    """A scan on disk whose layout was checked; its values are checked when they are read.

    A format says how slices are stored (`values`) and which positions hold data by file and
    parameters (`region`).
    """

    path: Path
    layout: ScanFormat
    geometry: Geometry

    @property
    def shape(self) -> tuple[int, int, int]:
        """Image grid (n_slices, n_ky, n_kz)."""
        return self.geometry.shape

    @property
    def n_slices(self) -> int:
        """Number of slices, in image space."""
        return self.shape[0]

    @property
    def n_ky(self) -> int:
        """Number of rows of the matrix."""
        return self.shape[1]

    @property
    def n_kz(self) -> int:
        """Number of columns of the matrix."""
        return self.shape[2]

    @property
    def n_coils(self) -> int:
        """Number of receive channels."""
        return self.geometry.n_coils

    @property
    def partial_fourier(self) -> float:
        """Acquired fraction of the kz columns."""
        return self.geometry.partial_fourier

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) voxel to RAS mm."""
        return self.geometry.affine

    @property
    def n_acquired(self) -> int:
        """Number of kz columns up to the last that was acquired."""
        return self.geometry.n_acquired

    @property
    def region(self) -> np.ndarray:
        """Positions (n_ky, n_kz), bool, that hold data by file and parameters, without gaps."""
        columns = np.arange(self.n_kz) < self.n_acquired
        return np.broadcast_to(columns, (self.n_ky, self.n_kz))

    @cached_property
    def acquired(self) -> np.ndarray:
        """Which positions (n_ky, n_kz), bool, were acquired.

        What is exactly zero in the middle slice was not, unless `acquired` of the format says that
        all of the columns were.

        Raises:
            StudyError: if the slice cannot be read.
        """
        if self.layout.acquired == "columns":
            return self.region
        held = self.region & self.middle_slice().any(axis=-1)
        matrix = (self.n_ky, self.n_kz)
        return held & elliptical(matrix) if self.layout.acquired == "ellipse" else held

    @property
    def expected(self) -> np.ndarray:
        """Positions (n_ky, n_kz), bool, that must hold something.

        Where an elliptical shutter ends is not known to the position.
        """
        ellipse = self.layout.acquired == "ellipse"
        return self.region & elliptical((self.n_ky, self.n_kz), RIM) if ellipse else self.region

    @abstractmethod
    def values(self, start: int, stop: int) -> np.ndarray:
        """Return slices [start, stop) as stored, float32 (slices, n_ky, n_kz, 2 n_coils)."""

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return the k-space of slices [start, stop) as complex64 (slices, n_coils, n_ky, n_kz).

        Positions that were not acquired are set to zero, whatever the file holds there.

        Raises:
            StudyError: if the values are damaged, NaN or infinite.
        """
        stop = self.n_slices if stop is None else min(stop, self.n_slices)
        return self._decode(self.values(start, stop), start)

    def batches(self, size: int = BATCH) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (first slice, k-space) batch by batch: memory does not grow with the scan."""
        for start, values in self.stored_batches(size):
            yield start, self._decode(values, start)

    def stored_batches(self, size: int = BATCH) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (first slice, values as of `values`), unchecked."""
        for start in range(0, self.n_slices, size):
            yield start, self.values(start, min(start + size, self.n_slices))

    def identity(self) -> str:
        """Return the SHA-256 of the stored middle slice: it tells scans apart whatever their names.

        The noise of one slice is that of no other scan, and reading it takes no time.

        Raises:
            StudyError: if the slice cannot be read.
        """
        stored = np.ascontiguousarray(self.middle_slice()[None], dtype=np.float32)
        return hashlib.sha256(repr(self.shape).encode() + stored.tobytes()).hexdigest()

    def middle_slice(self) -> np.ndarray:
        """Return the values (n_ky, n_kz, 2 n_coils) of the middle slice as stored."""
        middle = self.n_slices // 2
        return self.values(middle, middle + 1)[0]

    def _decode(self, values: np.ndarray, start: int) -> np.ndarray:
        check_finite(values, start, self.path)
        kspace = interleaved_to_complex(values)
        kspace[..., self.n_acquired :] = 0
        if not self.acquired[:, : self.n_acquired].all():
            kspace *= self.acquired
        if self.geometry.centred:
            kspace *= origin_phase((self.n_ky, self.n_kz))
        return kspace


def interleaved_to_complex(values: np.ndarray) -> np.ndarray:
    """Turn (slices, n_ky, n_kz, 2 n_coils) float32 into (slices, n_coils, n_ky, n_kz) complex64."""
    channels_last = np.ascontiguousarray(values, dtype=np.float32).view(np.complex64)
    return np.ascontiguousarray(np.moveaxis(channels_last, -1, 1))


def complex_to_interleaved(kspace: np.ndarray) -> np.ndarray:
    """Turn (slices, n_coils, n_ky, n_kz) complex into (slices, n_ky, n_kz, 2 n_coils) float32."""
    channels_last = np.ascontiguousarray(np.moveaxis(kspace, 1, -1), dtype=np.complex64)
    return channels_last.view(np.float32)


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open an h5 file for reading; raise `StudyError` if it is missing or none."""
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


def read_slices(dataset: h5py.Dataset, start: int, stop: int, path: Path) -> np.ndarray:
    """Return slices [start, stop) of a data set; raise `StudyError` if they are damaged."""
    try:
        return dataset[start:stop]
    except Exception as error:
        raise StudyError(
            f"{path}: slices {start} to {stop - 1} cannot be read ({reason(error)});"
            " copy the file again"
        ) from None


def named_inside(path: Path, *names: str) -> bool:
    """Tell whether an h5 file has all of these names inside; never raises."""
    try:
        with h5py.File(path, "r") as file:
            return all(name in file for name in names)
    except Exception:
        return False


def check_finite(values: np.ndarray, start: int, path: Path) -> None:
    """Raise `StudyError` naming the first of the slices from `start` on with NaN or infinity."""
    # the sum of a slice is finite if and only if all is well, short of overflow: one cheap pass
    sums = values.sum(axis=(1, 2, 3), dtype=np.float64)
    if not np.isfinite(sums).all():
        bad = start + int(np.flatnonzero(~np.isfinite(sums))[0])
        raise StudyError(
            f"{path}: expected finite k-space, got NaN or infinity in slice {bad};"
            " leave the scan out or convert it again"
        )
