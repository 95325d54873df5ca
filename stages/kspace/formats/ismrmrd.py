"""Raw data as ISMRMRD (MRD) files hold it (Inati et al. 2017, doi:10.1002/mrm.26089).

An h5 file with a group `dataset`: `xml`, the header, and `data`, one acquisition (a line of
k-space) after another in the order in which they were measured. The library `ismrmrd` says how they
are laid out; here they are put in their places: averages are averaged, oversampling is taken
out, and, if the file has a noise scan, the coils are prewhitened.

3D scans are transformed along the readout, whose positions become the slices; ky and kz are the two
phase encodings. In 2D scans ky is the readout and kz the phase encoding.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np
from ismrmrd import constants
from ismrmrd.file import Container
from ismrmrd.hdf5 import acquisition_header_dtype

from stages.kspace.formats.mrd_header import MrdHeader, check_supported, parse_header
from stages.kspace.formats.mrd_lines import (
    Lines,
    check_fully_sampled,
    check_one_image,
    flagged,
    imaging,
    lines_of,
    sampled,
)
from stages.kspace.formats.mrd_space import Placement, affine_of, placement
from stages.kspace.formats.prewhitening import LEAST_PER_COIL, noise_covariance, whitening_matrix
from stages.kspace.formats.protocol import FileFormat, Geometry, ScanFormat
from stages.kspace.formats.readout import readout_image, without_oversampling
from stages.kspace.formats.stated import agreed, stated_affine, voxel_sizes
from stages.kspace.formats.stored_scan import H5, StoredScan, opened
from stages.storage.hdf5 import check_stored
from stages.storage.reading import reading, reason
from stages.study.errors import StudyError

DATA, XML, USUAL = "data", "xml", "dataset"
BLOCK = 512  # acquisitions read at once: 25 MB of 32 coils and 192 samples
IDENTITY_LINES = 16
NO_NOISE_SCAN = "no noise scan: coils are combined without prewhitening"
TOUCHING = (
    "slices are taken to touch, {:.6g} mm apart, which is their thickness in the header; state the"
    " first of data.voxel_size_mm if there are gaps"
)
Shape = tuple[int, int, int]
Sizes = tuple[float | None, float | None, float | None]
Notes = tuple[str, ...]
LEFT_OUT = "{} of {} acquisitions are left out: noise, calibration (ACS), navigators, dummy scans"


@dataclass(frozen=True, eq=False)
class IsmrmrdScan(StoredScan):
    """A scan on disk whose headers were checked; its values are checked when they are read."""

    group: str
    header: MrdHeader
    lines: Lines
    noise: np.ndarray
    """Numbers of the acquisitions of the noise scan."""
    noise_power: float
    """Of the scan over that of the noise scan, by sampling times and bandwidth."""

    @cached_property
    def region(self) -> np.ndarray:
        """Positions (n_ky, n_kz), bool, that were sampled."""
        if self.geometry.readout is None:
            return sampled(self.lines, (self.n_ky, self.n_kz), self.path)
        columns = sampled(self.lines, (self.n_kz, 1), self.path)[:, 0]
        return echo_rows(self.lines, self.header, self.n_ky)[:, None] & columns

    def values(self, start: int, stop: int) -> np.ndarray:
        """Return slices [start, stop) put in order, (slices, n_ky, n_kz, 2 n_coils)."""
        return np.array(self.in_order[start:stop]).view(np.float32)

    @cached_property
    def in_order(self) -> np.ndarray:
        """k-space of the scan (n_slices, n_ky, n_kz, n_coils), in a file without a name.

        Raises:
            StudyError: if values are damaged, NaN or infinite.
        """
        ordered = scratch((*self.shape, self.n_coils))
        whitening = self._whitening()
        for kept, data in self._blocks(self.lines.numbers):
            if whitening is not None:
                data = np.matmul(whitening, data)
            self._put(ordered, kept, self._along_readout(data))
        return ordered

    def identity(self) -> str:
        """Return the SHA-256 of lines from the middle of the file, as stored."""
        middle = len(self.lines.numbers) // 2
        chosen = self.lines.numbers[middle : middle + IDENTITY_LINES]
        digest = hashlib.sha256(repr(self.shape).encode())
        for _, data in self._blocks(chosen):
            digest.update(np.ascontiguousarray(data))
        return digest.hexdigest()

    def _along_readout(self, data: np.ndarray) -> np.ndarray:
        """Return lines (n, n_coils, samples) as they are kept, (n, n_coils, kept positions)."""
        start, stop, position = self.lines.samples
        full = np.zeros((*data.shape[:2], self.header.encoded.matrix[0]), np.complex64)
        full[..., position : position + stop - start] = data[..., start:stop]
        kept = readout_image if self.geometry.readout is None else without_oversampling
        return kept(full, self.header.n_kept, 2, centred=self.geometry.centred)

    def _put(self, ordered: np.ndarray, kept: np.ndarray, data: np.ndarray) -> None:
        """Add lines (n, n_coils, positions), numbers `kept` of all lines, to the ordered scan."""
        lines = self.lines
        data = data / lines.count[kept, None, None].astype(np.float32)
        for rank in np.unique(lines.rank[kept]):
            mine = lines.rank[kept] == rank
            where, values = kept[mine], data[mine]
            if self.geometry.readout is None:
                index = (slice(None), lines.ky[where], lines.kz[where])
                values = np.transpose(values, (2, 0, 1))
            else:
                index = (lines.place[where], slice(None), lines.ky[where])
                values = np.transpose(values, (0, 2, 1))
            if rank:
                ordered[index] += values
            else:
                ordered[index] = values

    def _whitening(self) -> np.ndarray | None:
        """Return the matrix (n_coils, n_coils), complex64, that whitens lines; None: no noise."""
        if not len(self.noise):
            return None
        samples = [np.swapaxes(data, 0, 1) for _, data in self._blocks(self.noise)]
        covariance = noise_covariance(np.concatenate(samples, axis=1).reshape(self.n_coils, -1))
        try:
            found = whitening_matrix(covariance, self.noise_power)
        except np.linalg.LinAlgError:
            raise StudyError(
                f"{self.path}: expected a noise scan in which the coils are independent, got a"
                " covariance without an inverse (a dead coil?); leave the scan out"
            ) from None
        return found.astype(np.complex64)

    def _blocks(self, numbers: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (places in `numbers`, complex64 (n, n_coils, samples)) some at a time."""
        with opened(self.path) as file:
            dataset = file[self.group][DATA]
            for first in range(int(numbers[0]), int(numbers[-1]) + 1, BLOCK):
                kept = np.flatnonzero((numbers >= first) & (numbers < first + BLOCK))
                if len(kept):
                    rows = read_rows(dataset, first, int(numbers[kept[-1]]) + 1, self.path)
                    yield kept, stacked(rows, numbers[kept] - first, first, self.path)


def read_rows(dataset: h5py.Dataset, start: int, stop: int, path: Path) -> np.ndarray:
    """Return acquisitions [start, stop); raise `StudyError` if they cannot be read."""
    try:
        return dataset[start:stop]
    except Exception as error:
        raise StudyError(
            f"{path}: acquisitions {start} to {stop - 1} cannot be read ({reason(error)}); copy the"
            " file again"
        ) from None


def stacked(rows: np.ndarray, chosen: np.ndarray, first: int, path: Path) -> np.ndarray:
    """Return the samples of acquisitions, complex64 (n, n_coils, samples).

    Args:
        rows: acquisitions.
        chosen: which of them.
        first: number of the first row in the file.
        path: the file.

    Raises:
        StudyError: if a line is shorter or longer than its header says, or not finite.
    """
    heads = rows["head"][chosen]
    shape = (int(heads["active_channels"][0]), int(heads["number_of_samples"][0]))
    result = np.empty((len(chosen), *shape), np.complex64)
    for line, index in zip(result, chosen, strict=True):
        values = np.asarray(rows["data"][index], np.float32)
        if values.size != 2 * line.size:
            raise StudyError(
                f"{path}: expected {2 * line.size} numbers in acquisition {first + index}, as its"
                f" header says, got {values.size}; copy the file again"
            )
        line[:] = values.view(np.complex64).reshape(shape)
    finite = np.isfinite(result.view(np.float32)).all(axis=(1, 2))
    if not finite.all():
        bad = first + int(chosen[~finite][0])
        raise StudyError(
            f"{path}: expected finite k-space, got NaN or infinity in acquisition {bad}; leave the"
            " scan out or convert it again"
        )
    return result


def scratch(shape: tuple[int, ...]) -> np.ndarray:
    """Return complex64 zeros in a file without a name, in the folder for temporary files (TMPDIR).

    The system keeps in memory what there is room for. The room on the disk is taken at once: a
    disk that fills up later would end the process.
    """
    n_bytes = int(np.prod(shape, dtype=object)) * np.complex64().itemsize
    with tempfile.TemporaryFile() as file:
        try:
            os.posix_fallocate(file.fileno(), 0, n_bytes)
        except OSError as error:
            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from None
        return np.memmap(file, np.complex64, "r+", shape=shape)


def echo_rows(lines: Lines, header: MrdHeader, n_ky: int) -> np.ndarray:
    """Return which readout samples (n_ky,), bool, a partial echo has sampled."""
    n, samples = header.encoded.matrix[0], lines.samples
    at = (np.arange(n_ky) - n_ky // 2) * (n / n_ky) + n // 2
    return (at >= samples.position) & (at < samples.position + samples.stop - samples.start)


def open_scan(path: Path, layout: ScanFormat) -> IsmrmrdScan:
    """Check the headers of one file, not its values; raise `StudyError` if they are wrong."""
    with opened(path) as file, reading(path, H5):
        name = group_of(file, path)
        header = parse_header(_xml(file[name], path), path)
        check_supported(header, path)
        heads = _heads(file[name], path)
    chosen = heads[imaging(heads, path)]
    check_one_image(chosen, path)
    stack = placement(chosen, path)
    lines = lines_of(heads, header, stack.order, path)
    planar = header.encoded.matrix[2] == 1
    if not planar and len(stack.order) > 1:
        raise StudyError(
            f"{path}: expected slices or a second phase encoding, got both (several slabs), which"
            " is not supported; leave the scan out"
        )
    plane = sampled(lines, header.encoded.matrix[1:], path)
    if layout.acquired != "nonzero":
        check_fully_sampled(plane, path)
    noise = _noise(heads, lines, path)
    geometry = _geometry(header, lines, stack, plane, layout, path)
    notes = [*geometry.notes, *([] if len(noise) else [NO_NOISE_SCAN])]
    if len(chosen) < len(heads):
        notes.append(LEFT_OUT.format(len(heads) - len(chosen), len(heads)))
    power = _noise_power(heads, lines, noise, header)
    geometry = Geometry(**(vars(geometry) | {"notes": tuple(notes)}))
    return IsmrmrdScan(path, layout, geometry, name, header, lines, noise, power)


def group_of(file: h5py.File, path: Path) -> str:
    """Return the group that holds acquisitions; raise `StudyError` unless there is one."""
    found = [name for name, item in file.items() if _holds(item)]
    if USUAL in found:
        return USUAL
    if len(found) == 1:
        return found[0]
    if found:
        raise StudyError(
            f"{path}: expected one group with acquisitions, got {', '.join(found)}; write a file"
            " for each"
        )
    names = ", ".join(file) or "nothing"
    raise StudyError(
        f"{path}: expected a group '{USUAL}' with acquisitions ('{DATA}') and a header ('{XML}'),"
        f" found {names}"
    )


def _holds(item: h5py.Group | h5py.Dataset) -> bool:
    return isinstance(item, h5py.Group) and Container(item).has_acquisitions() and XML in item


def _xml(group: h5py.Group, path: Path) -> str | bytes:
    dataset = group[XML]
    text = dataset[0] if isinstance(dataset, h5py.Dataset) and dataset.shape == (1,) else None
    if not isinstance(text, str | bytes):
        raise StudyError(f"{path}: expected '{XML}' to be one text; convert the scan anew")
    return text


def _heads(group: h5py.Group, path: Path) -> np.ndarray:
    """Return the headers of all acquisitions."""
    dataset = group[DATA]
    if not isinstance(dataset, h5py.Dataset) or dataset.ndim != 1 or dataset.size == 0:
        raise StudyError(f"{path}: expected a list of acquisitions, got none; copy the file again")
    check_stored(dataset, path)
    fields = dataset.dtype.fields or {}
    head = fields["head"][0].names if "head" in fields else None
    missing = set(acquisition_header_dtype.names or ()) - set(head or ())
    if DATA not in fields or missing:
        lacks = ", ".join(sorted(missing)) or DATA
        raise StudyError(
            f"{path}: expected acquisitions of ISMRMRD, got a table without {lacks}; convert the"
            " scan anew"
        )
    return dataset.fields("head")[:]


def _noise(heads: np.ndarray, lines: Lines, path: Path) -> np.ndarray:
    """Return the numbers of the acquisitions of the noise scan."""
    found = np.flatnonzero(flagged(heads, constants.ACQ_IS_NOISE_MEASUREMENT))
    if not len(found):
        return found
    channels, lengths = (heads[found][key] for key in ("active_channels", "number_of_samples"))
    n_samples = int(lengths.astype(int).sum())
    alike = (channels == lines.n_coils).all() and (lengths == lengths[0]).all()
    if not alike or n_samples < LEAST_PER_COIL * lines.n_coils:
        coils = ", ".join(map(str, np.unique(channels)))
        raise StudyError(
            f"{path}: expected a noise scan of the {lines.n_coils} coils of the image and at least"
            f" {LEAST_PER_COIL * lines.n_coils} samples, got coils {coils} and {n_samples} samples"
            f" in {len(found)} acquisitions; leave the scan out"
        )
    return found


def _noise_power(heads: np.ndarray, lines: Lines, noise: np.ndarray, header: MrdHeader) -> float:
    """Return the power of the noise of the scan over that of its noise scan."""
    if not len(noise):
        return 1.0
    times = [float(heads[n]["sample_time_us"]) for n in (noise[0], lines.numbers[0])]
    ratio = times[0] / times[1] if min(times) > 0 and np.isfinite(times).all() else 1.0
    return ratio / header.noise_bandwidth


def _geometry(
    header: MrdHeader,
    lines: Lines,
    stack: Placement,
    plane: np.ndarray,
    layout: ScanFormat,
    path: Path,
) -> Geometry:
    shape, found, notes = _grid(header, stack, layout)
    sizes = voxel_sizes(path, layout.voxel_size_mm, found)
    planar = header.encoded.matrix[2] == 1
    columns = plane[:, 0] if planar else plane.any(axis=0)
    geometry = Geometry(
        shape,
        agreed(path, "n_coils", layout.n_coils, lines.n_coils),
        _affine(stack, shape, sizes, layout, planar, path),
        int(np.flatnonzero(columns)[-1]) + 1,
        float(columns.mean()),
        layout.centred_transform is not False,
        "ky" if planar else None,
        raw=True,
        notes=notes,
    )
    if stack.directions is not None:
        agreed(path, "axis_codes", layout.axis_codes, geometry.axis_codes)
    agreed(path, "partial_fourier", layout.partial_fourier, geometry.partial_fourier)
    return geometry


def _grid(header: MrdHeader, stack: Placement, layout: ScanFormat) -> tuple[Shape, Sizes, Notes]:
    """Return grid, voxel sizes as far as the file says them, and notes."""
    (_, n_y, n_z), fov = header.encoded.matrix, header.encoded.fov_mm
    n_read, read_mm = header.n_kept, min(header.recon.fov_mm[0], fov[0]) / header.n_kept
    if n_z > 1:
        return (n_read, n_y, n_z), (read_mm, fov[1] / n_y, fov[2] / n_z), ()
    gap = stack.spacing_mm
    notes: Notes = ()
    if gap is None and layout.voxel_size_mm[0] is None:
        gap = fov[2]
        notes = (TOUCHING.format(gap),) if len(stack.order) > 1 else ()
    return (len(stack.order), n_read, n_y), (gap, read_mm, fov[1] / n_y), notes


def _affine(
    stack: Placement,
    shape: tuple[int, int, int],
    sizes: tuple[float, float, float],
    layout: ScanFormat,
    planar: bool,
    path: Path,
) -> np.ndarray:
    if stack.directions is None:
        return stated_affine(path, shape, sizes, layout.axis_codes)
    order = [2, 0, 1] if planar else [0, 1, 2]
    first = 0 if planar else shape[0] // 2
    at = (first, shape[1] // 2, shape[2] // 2)
    return affine_of(stack.directions[order], sizes, at, stack.first_mm)


def looks_like(path: Path) -> bool:
    """Tell whether a file has acquisitions and a header inside; never raises."""
    try:
        with h5py.File(path, "r") as file:
            return any(_holds(item) for item in file.values())
    except Exception:
        return False


ISMRMRD = FileFormat("ismrmrd", "ISMRMRD", (".h5", ".mrd", ".hdf5"), open_scan, looks_like)
