"""fastMRI's files (Zbontar et al. 2018, arXiv:1811.08839) of several coils; M4Raw's are the same.

One h5 file a scan: `kspace`, complex64 (slices, coils, readout, phase), zero frequency in the
middle, images centred; `ismrmrd_header`, the XML header of the raw data. Lines that were not
acquired are zero. The readout is oversampled; the header's fields of view say how much.

In the study the readout is ky and the phase encoding kz.
"""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from stages.kspace.formats.mrd_header import MrdHeader, check_supported, parse_header
from stages.kspace.formats.protocol import FileFormat, Geometry, ScanFormat
from stages.kspace.formats.readout import without_oversampling
from stages.kspace.formats.stated import agreed, stated_affine, voxel_sizes
from stages.kspace.formats.stored_scan import (
    H5,
    StoredScan,
    complex_to_interleaved,
    named_inside,
    opened,
    read_slices,
)
from stages.storage.hdf5 import check_stored
from stages.storage.reading import reading
from stages.study.errors import StudyError

DATASET, HEADER, MASK = "kspace", "ismrmrd_header", "mask"
STEP = "kspace_encoding_step_1"
READOUT = 2  # axis of the data set
CONTIGUOUS = (
    "slices are taken to touch, {:.6g} mm apart, which is their thickness in the header; state the"
    " first of data.voxel_size_mm if there are gaps"
)


@dataclass(frozen=True, eq=False)
class FastMRIScan(StoredScan):
    """A scan on disk whose layout was checked; its values are checked when they are read."""

    first_column: int = 0
    """kz columns before it were not acquired."""

    @property
    def region(self) -> np.ndarray:
        """Positions (n_ky, n_kz), bool, of the lines that the header calls acquired."""
        columns = np.arange(self.n_kz)
        held = (columns >= self.first_column) & (columns < self.n_acquired)
        return np.broadcast_to(held, (self.n_ky, self.n_kz))

    def values(self, start: int, stop: int) -> np.ndarray:
        """Return slices [start, stop) without oversampling, (slices, n_ky, n_kz, 2 n_coils)."""
        with opened(self.path) as file:
            kspace = read_slices(file[DATASET], start, stop, self.path)
        kept = without_oversampling(kspace, self.n_ky, READOUT, centred=self.geometry.centred)
        return complex_to_interleaved(kept)


def open_scan(path: Path, layout: ScanFormat) -> FastMRIScan:
    """Check the layout of one file, not its values; raise `StudyError` if it is wrong."""
    with opened(path) as file, reading(path, H5):
        dataset = file.get(DATASET)
        if not isinstance(dataset, h5py.Dataset):
            names = ", ".join(file) or "nothing"
            raise StudyError(f"{path}: expected a dataset '{DATASET}', found {names}")
        _check_layout(dataset, path)
        check_stored(dataset, path)
        _check_mask(file, path)
        header = parse_header(_header_text(file, path), path)
        n_slices, n_coils, n_readout, n_kz = dataset.shape
    check_supported(header, path)
    if n_readout < header.n_kept:
        raise StudyError(
            f"{path}: expected at least the {header.n_kept} readout samples of the header, got"
            f" {n_readout}; copy the file again or leave it out"
        )
    first, stop = _columns(header, layout, n_kz, path)
    shape = (n_slices, kept_rows(header, n_readout), n_kz)
    sizes = _voxel_sizes(header, layout, shape, path)
    notes = () if layout.voxel_size_mm[0] is not None else (CONTIGUOUS.format(sizes[0]),)
    geometry = Geometry(
        shape,
        agreed(path, "n_coils", layout.n_coils, n_coils),
        stated_affine(path, shape, sizes, layout.axis_codes),
        stop,
        (stop - first) / n_kz,
        layout.centred_transform is not False,
        "ky",
        notes=notes,
    )
    return FastMRIScan(path, layout, geometry, first)


def kept_rows(header: MrdHeader, n_readout: int) -> int:
    """Return how many readout samples remain of a file's, whatever the header's matrix."""
    fraction = header.recon.fov_mm[0] / header.encoded.fov_mm[0]
    return min(max(round(n_readout * fraction), 1), n_readout)


def _voxel_sizes(
    header: MrdHeader, layout: ScanFormat, shape: tuple[int, int, int], path: Path
) -> tuple[float, float, float]:
    _, n_ky, n_kz = shape
    readout_mm = min(header.recon.fov_mm[0], header.encoded.fov_mm[0])
    # the header knows how thick slices are, not how far apart
    thick = header.encoded.fov_mm[2] if layout.voxel_size_mm[0] is None else None
    found = (thick, readout_mm / n_ky, header.encoded.fov_mm[1] / n_kz)
    return voxel_sizes(path, layout.voxel_size_mm, found)


def _columns(header: MrdHeader, layout: ScanFormat, n_kz: int, path: Path) -> tuple[int, int]:
    """Return the first acquired kz column and the one after the last."""
    limits = header.limits.get(STEP)
    if limits is None or header.encoded.matrix[1] != n_kz:
        return 0, layout.n_acquired(n_kz)
    first = n_kz // 2 - limits.centre
    stop = first + limits.maximum + 1
    if not 0 <= first < n_kz // 2 < stop <= n_kz:
        raise StudyError(
            f"{path}: expected lines within the {n_kz} of the matrix, got {limits.minimum} to"
            f" {limits.maximum} around {limits.centre} in the header; convert the scan anew"
        )
    if layout.partial_fourier is not None and layout.n_acquired(n_kz) != stop - first:
        found = (stop - first) / n_kz
        agreed(path, "partial_fourier", layout.partial_fourier, found)
    return first, stop


def _check_layout(dataset: h5py.Dataset, path: Path) -> None:
    shape = dataset.shape
    if len(shape) == 3:
        raise StudyError(
            f"{path}: expected kspace of several coils, (slices, coils, readout, phase), got"
            f" {shape} of a single coil, which is not supported; take the multicoil files"
        )
    if len(shape) != 4 or 0 in shape:
        raise StudyError(
            f"{path}: expected kspace of shape (slices, coils, readout, phase), got {shape}"
        )
    if dataset.dtype != np.complex64:
        raise StudyError(f"{path}: expected complex64, got {dataset.dtype}; convert the scan anew")


def _check_mask(file: h5py.File, path: Path) -> None:
    mask = file.get(MASK)
    if isinstance(mask, h5py.Dataset) and not np.asarray(mask).astype(bool).all():
        n_sampled, n_all = int(np.asarray(mask).astype(bool).sum()), mask.size
        raise StudyError(
            f"{path}: expected a fully sampled scan as a reference, got a mask of {n_sampled} of"
            f" {n_all} lines (prospectively undersampled, as fastMRI's test set), which is not"
            " supported; take the training or validation set"
        )


def _header_text(file: h5py.File, path: Path) -> str | bytes:
    dataset = file.get(HEADER)
    if not isinstance(dataset, h5py.Dataset) or dataset.shape != ():
        raise StudyError(
            f"{path}: expected the text '{HEADER}' beside '{DATASET}', found none; take the files"
            " as fastMRI distributes them"
        )
    text = dataset[()]
    if not isinstance(text, str | bytes):
        raise StudyError(f"{path}: expected '{HEADER}' to be a text, got {dataset.dtype}")
    return text


FASTMRI = FileFormat(
    "fastmri", "fastMRI", (".h5", ".hdf5"), open_scan, lambda p: named_inside(p, DATASET, HEADER)
)
