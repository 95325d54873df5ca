"""What the study asks of a scan, whatever the format of its file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from stages.kspace.partial_fourier import acquired_columns

Acquired = Literal["columns", "ellipse", "nonzero"]
"""Which positions of the acquired kz columns were acquired: all, those inside an elliptical
shutter, or those that are not exactly zero in the file."""

BATCH = 8  # slices read at once: 180 MB of complex64 at 256 x 218 x 180 with 12 coils


@dataclass(frozen=True)
class ScanFormat:
    """What the files do not say about themselves (section `data` of params.yaml)."""

    n_coils: int
    partial_fourier: float
    """Acquired fraction of the kz columns, (0, 1]."""
    voxel_size_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Along (slices, ky, kz)."""
    axis_codes: str = "SAR"
    """Anatomical directions towards which the indices of (slices, ky, kz) increase."""
    acquired: Acquired = "columns"
    centred_transform: bool = False
    """Whether images were transformed with their origin in the middle (fastMRI, BART), not at
    index 0 (Calgary-Campinas)."""

    def n_acquired(self, n_kz: int) -> int:
        """Return how many of the n_kz columns were acquired."""
        return acquired_columns(self.partial_fourier, n_kz)


class Scan(Protocol):
    """A scan on disk whose layout was checked; its values are checked when they are read."""

    @property
    def path(self) -> Path:
        """Its file."""

    @property
    def layout(self) -> ScanFormat:
        """What the parameters say about it."""

    @property
    def n_slices(self) -> int:
        """Number of slices, in image space."""

    @property
    def n_ky(self) -> int:
        """Number of rows of the matrix."""

    @property
    def n_kz(self) -> int:
        """Number of columns of the matrix, acquired or not."""

    @property
    def n_coils(self) -> int:
        """Number of receive channels."""

    @property
    def partial_fourier(self) -> float:
        """Acquired fraction of the kz columns."""

    @property
    def n_acquired(self) -> int:
        """Number of acquired kz columns."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Image grid (n_slices, n_ky, n_kz)."""

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) voxel of the image grid to RAS mm."""

    @property
    def acquired(self) -> np.ndarray:
        """Which positions (n_ky, n_kz), bool, were acquired."""

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return the k-space of slices [start, stop) as complex64 (slices, n_coils, n_ky, n_kz).

        Positions that were not acquired are zero, and the origin of the images is at index 0.
        Raises `StudyError` if the values are damaged, NaN or infinite.
        """

    def batches(self, size: int = BATCH) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (first slice, k-space as of `read`) in batches of `size` slices."""

    def stored_batches(self, size: int = BATCH) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (first slice, values), unchecked and with all columns of the file.

        Values: real (slices, n_ky, n_kz, 2 n_coils), real and imaginary parts interleaved.
        """

    def identity(self) -> str:
        """Return a SHA-256 of stored values that tells scans apart whatever their names."""


@dataclass(frozen=True)
class FileFormat:
    """A format of scan files."""

    name: str
    suffixes: tuple[str, ...]
    open: Callable[[Path, ScanFormat], Scan]
    """Check the layout of one file, not its values; raises `StudyError` if it is wrong."""
    write: Callable[[Path, np.ndarray], None]
    """Write k-space (n_slices, n_coils, n_ky, n_kz), complex."""
