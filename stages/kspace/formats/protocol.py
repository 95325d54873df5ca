"""What the study asks of a scan, whatever the format of its file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from stages.kspace.partial_fourier import acquired_columns
from stages.storage.nifti import axis_codes

Acquired = Literal["columns", "ellipse", "nonzero"]
"""Which positions of the acquired kz columns were acquired: all, those inside an elliptical
shutter, or those that are not exactly zero in the file."""
FormatName = Literal["calgary_campinas", "fastmri", "ismrmrd"]

BATCH = 8  # slices read at once: 180 MB of complex64 at 256 x 218 x 180 with 12 coils


@dataclass(frozen=True)
class ScanFormat:
    """What the parameters say about the files (section `data`); None: what each file says."""

    n_coils: int | None = None
    partial_fourier: float | None = None
    """Acquired fraction of the kz columns, (0, 1]."""
    voxel_size_mm: tuple[float | None, float | None, float | None] = (1.0, 1.0, 1.0)
    """Along (slices, ky, kz)."""
    axis_codes: str | None = "SAR"
    """Anatomical directions towards which the indices of (slices, ky, kz) increase."""
    acquired: Acquired = "columns"
    centred_transform: bool | None = None
    """Whether images were transformed with their origin in the middle (fastMRI, BART), not at
    index 0 (Calgary-Campinas)."""
    format: FormatName = "calgary_campinas"

    def n_acquired(self, n_kz: int) -> int:
        """Return how many of the n_kz columns were acquired: all, where the parameters say none."""
        return (
            n_kz if self.partial_fourier is None else acquired_columns(self.partial_fourier, n_kz)
        )


@dataclass(frozen=True, eq=False)
class Geometry:
    """What file and parameters together say of a scan."""

    shape: tuple[int, int, int]
    """Image grid (n_slices, n_ky, n_kz)."""
    n_coils: int
    affine: np.ndarray
    """(4, 4) voxel of the image grid to RAS mm."""
    n_acquired: int
    """kz columns up to the last that was acquired."""
    partial_fourier: float
    """Acquired fraction of the kz columns."""
    centred: bool
    """Whether images were transformed with their origin in the middle."""
    readout: Literal["ky"] | None = None
    """The axis that is a readout, of which no part can be left out; None: ky and kz both encode
    phase, and the readout is the axis of the slices."""
    raw: bool = False
    """Whether values are as the scanner measured them: ky and kz are in k-space for certain."""
    notes: tuple[str, ...] = ()
    """What the user should know of how the file is read."""

    @property
    def voxel_size_mm(self) -> tuple[float, float, float]:
        """Edges of a voxel along (slices, ky, kz)."""
        slices, ky, kz = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(slices), float(ky), float(kz)

    @property
    def axis_codes(self) -> str:
        """Anatomical directions nearest to those of (slices, ky, kz)."""
        return axis_codes(self.affine)


class Scan(Protocol):
    """A scan on disk whose layout was checked; its values are checked when they are read."""

    @property
    def path(self) -> Path:
        """Its file."""

    @property
    def layout(self) -> ScanFormat:
        """What the parameters say about it."""

    @property
    def geometry(self) -> Geometry:
        """What file and parameters together say."""

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
        """Number of kz columns up to the last that was acquired."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Image grid (n_slices, n_ky, n_kz)."""

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) voxel of the image grid to RAS mm."""

    @property
    def acquired(self) -> np.ndarray:
        """Which positions (n_ky, n_kz), bool, were acquired."""

    @property
    def expected(self) -> np.ndarray:
        """Which positions (n_ky, n_kz), bool, must hold something; others may or may not."""

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

    name: FormatName
    title: str
    """What a sentence calls it."""
    suffixes: tuple[str, ...]
    open: Callable[[Path, ScanFormat], Scan]
    """Check the layout of one file, not its values; raises `StudyError` if it is wrong."""
    looks_like: Callable[[Path], bool]
    """Tell whether a file has the names of this format inside; never raises."""
