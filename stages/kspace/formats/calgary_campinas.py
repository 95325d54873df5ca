"""Scans in the Calgary-Campinas convention: reading with validation, in batches, and writing.

One h5 file a scan, dataset `kspace`, float32 (n_slices, n_ky, n_kz, 2 n_coils), real and imaginary
parts interleaved, hybrid space: axis 0 is already image space (Souza et al. 2018,
doi:10.1016/j.neuroimage.2017.08.021). Voxel size, orientation and partial Fourier are not in it.
"""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from stages.kspace.formats.protocol import FileFormat, Geometry, ScanFormat
from stages.kspace.formats.stated import agreed, stated_affine, voxel_sizes
from stages.kspace.formats.stored_scan import (
    H5,
    StoredScan,
    complex_to_interleaved,
    opened,
    read_slices,
)
from stages.storage.files import atomic_path
from stages.storage.hdf5 import check_stored
from stages.storage.reading import reading
from stages.study.errors import StudyError

DATASET = "kspace"
SUFFIXES = (".h5", ".hdf5")


@dataclass(frozen=True, eq=False)
class CalgaryCampinasScan(StoredScan):
    """A scan on disk whose layout was checked; its values are checked when they are read."""

    def values(self, start: int, stop: int) -> np.ndarray:
        """Return slices [start, stop) as in the file, (slices, n_ky, n_kz, 2 n_coils)."""
        with opened(self.path) as file:
            return read_slices(file[DATASET], start, stop, self.path)


def open_scan(path: Path, layout: ScanFormat) -> CalgaryCampinasScan:
    """Check the layout of one file, not its values; raise `StudyError` if it is wrong."""
    with opened(path) as file, reading(path, H5):
        dataset = file.get(DATASET)
        if not isinstance(dataset, h5py.Dataset):
            names = ", ".join(file) or "nothing"
            raise StudyError(f"{path}: expected a dataset '{DATASET}', found {names}")
        _check_layout(dataset, layout, path)
        check_stored(dataset, path)
        n_slices, n_ky, n_kz, n_channels = dataset.shape
    shape = (n_slices, n_ky, n_kz)
    sizes = voxel_sizes(path, layout.voxel_size_mm, (None, None, None))
    geometry = Geometry(
        shape,
        n_channels // 2,
        stated_affine(path, shape, sizes, layout.axis_codes),
        layout.n_acquired(n_kz),
        agreed(path, "partial_fourier", layout.partial_fourier, None),
        bool(layout.centred_transform),
    )
    return CalgaryCampinasScan(path, layout, geometry)


def write_scan(path: Path, kspace: np.ndarray) -> None:
    """Write k-space (n_slices, n_coils, n_ky, n_kz), complex, as a Calgary-Campinas file."""
    with (
        atomic_path(path) as temporary,
        h5py.File(temporary, "w", track_order=False) as file,
    ):
        file.create_dataset(DATASET, data=complex_to_interleaved(kspace), track_times=False)


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
    if layout.n_coils is not None and shape[3] != 2 * layout.n_coils:
        raise StudyError(
            f"{path}: expected {2 * layout.n_coils} channels (2 x data.n_coils),"
            f" got {shape[3]}; correct data.n_coils or leave the scan out"
        )
    if shape[3] % 2:
        raise StudyError(
            f"{path}: expected an even number of channels (2 x coils), got {shape[3]}; convert the"
            " scan again"
        )


def looks_like(path: Path) -> bool:
    """Tell whether a file has real numbers of four dimensions as `kspace`; never raises."""
    try:
        with h5py.File(path, "r") as file:
            return file[DATASET].ndim == 4 and file[DATASET].dtype.kind == "f"
    except Exception:
        return False


CALGARY_CAMPINAS = FileFormat(
    "calgary_campinas", "Calgary-Campinas", SUFFIXES, open_scan, looks_like
)
