"""Scans as fastMRI's files and as MRD files, written with the library `ismrmrd`.

All start from coil images (slices, n_coils, y, z): what the study makes of each file must be the
root sum of squares of these.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import ismrmrd
import ismrmrd.xsd
import numpy as np
from ismrmrd.file import File

Change = Callable[[ismrmrd.Acquisition], None]
IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def centred_fft(images: np.ndarray, *axes: int) -> np.ndarray:
    """Return the centred, unitary transform of images along some axes."""
    turned = np.fft.ifftshift(images, axes=axes)
    return np.fft.fftshift(np.fft.fftn(turned, axes=axes, norm="ortho"), axes=axes)


def padded(images: np.ndarray, axis: int, factor: int) -> np.ndarray:
    """Return images in a field of view that is larger along one axis, as oversampling has it."""
    n = images.shape[axis]
    before = factor * n // 2 - n // 2
    widths = [(0, 0)] * images.ndim
    widths[axis] = (before, factor * n - n - before)
    return np.pad(images, widths)


def limits(n: int, centre: int | None = None, first: int = 0) -> ismrmrd.xsd.limitType:
    """Return the limits of an encoding step of n numbers."""
    return ismrmrd.xsd.limitType(
        minimum=first, maximum=n - 1, center=n // 2 if centre is None else centre
    )


def header(
    encoded: tuple[int, int, int],
    recon: tuple[int, int, int],
    voxel_mm: tuple[float, float, float],
    n_coils: int,
    **more: ismrmrd.xsd.limitType,
) -> ismrmrd.xsd.ismrmrdHeader:
    """Return a header; voxels along (x, y, z), further arguments are limits."""
    xsd = ismrmrd.xsd

    def space(matrix: tuple[int, int, int]) -> xsd.encodingSpaceType:
        fov = [n * mm for n, mm in zip(matrix, voxel_mm, strict=True)]
        return xsd.encodingSpaceType(
            matrixSize=xsd.matrixSizeType(**dict(zip("xyz", matrix, strict=True))),
            fieldOfView_mm=xsd.fieldOfViewMm(**dict(zip("xyz", fov, strict=True))),
        )

    encoding = xsd.encodingType(
        encodedSpace=space(encoded),
        reconSpace=space(recon),
        encodingLimits=xsd.encodingLimitsType(**more),
        trajectory=xsd.trajectoryType.CARTESIAN,
    )
    return xsd.ismrmrdHeader(
        experimentalConditions=xsd.experimentalConditionsType(H1resonanceFrequency_Hz=128_000_000),
        acquisitionSystemInformation=xsd.acquisitionSystemInformationType(receiverChannels=n_coils),
        encoding=[encoding],
    )


def write_fastmri(
    path: Path,
    images: np.ndarray,
    *,
    oversampling: int = 1,
    columns: slice = slice(None),
    voxel_mm: tuple[float, float, float] = (5.0, 0.7, 0.8),
) -> None:
    """Write coil images (slices, n_coils, y, z) as a file of fastMRI, y the readout.

    Args:
        path: the file.
        images: complex.
        oversampling: of the readout.
        columns: phase-encoding lines that were acquired.
        voxel_mm: along (slices, y, z).
    """
    _, n_coils, n_y, n_z = images.shape
    kspace = centred_fft(padded(images, 2, oversampling), 2, 3).astype(np.complex64)
    first, stop, _ = columns.indices(n_z)
    kspace[..., :first], kspace[..., stop:] = 0, 0
    mm = (voxel_mm[1], voxel_mm[2], voxel_mm[0])
    steps = limits(stop - first, n_z // 2 - first)
    about = header(
        (oversampling * n_y, n_z, 1), (n_y, n_z, 1), mm, n_coils, kspace_encoding_step_1=steps
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["kspace"] = kspace
        file["ismrmrd_header"] = ismrmrd.xsd.ToXML(about)
        file.attrs["acquisition"] = "AXT1"


@dataclass
class Options:
    """How a scan is measured as MRD."""

    oversampling: int = 2
    voxel_mm: tuple[float, float, float] = (1.0, 1.2, 1.5)
    """Along (slices, y, z)."""
    directions: tuple[tuple[float, float, float], ...] = IDENTITY
    """Readout, phase and slice encoding, in LPS; all zero: not said."""
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    first_sample: int = 0
    """Of each line: those before it are missing (partial echo)."""
    discarded: tuple[int, int] = (0, 0)
    """Samples before and behind each line that are no data."""
    n_averages: int = 1
    order: np.random.Generator | None = None
    """Draws the order of the lines; None: phase encoding in turn."""
    keep: Callable[[int, int], bool] = field(default=lambda y, z: True)
    """Which positions of the phase encodings are measured."""
    change: Change = field(default=lambda line: None)
    """Applied to each acquisition of the image."""
    more: Iterable[ismrmrd.Acquisition] = ()
    """Acquisitions before those of the image."""
    mixing: np.ndarray | None = None
    """(n_coils, n_coils) that coils are mixed by."""
    edit: Callable[[ismrmrd.xsd.ismrmrdHeader], None] = field(default=lambda header: None)
    group: str = "dataset"


def acquisition(data: np.ndarray, *flags: int, **idx: int) -> ismrmrd.Acquisition:
    """Return an acquisition of samples (n_coils, n), zero frequency in the middle."""
    line = ismrmrd.Acquisition.from_array(np.ascontiguousarray(data, np.complex64))
    line.center_sample = data.shape[1] // 2
    line.sample_time_us = 5.0
    for flag in flags:
        line.set_flag(flag)
    for name, value in idx.items():
        setattr(line.idx, name, value)
    return line


def noise_scan(
    n_coils: int, n_samples: int, mixing: np.ndarray, seed: int = 0, time_us: float = 5.0
) -> ismrmrd.Acquisition:
    """Return an acquisition of noise that a matrix (n_coils, n_coils) has mixed."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n_coils, n_samples, 2)) @ np.array([1, 1j])
    line = acquisition(mixing @ noise, ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
    line.sample_time_us = time_us
    return line


def write_mrd(path: Path, images: np.ndarray, options: Options, *, planar: bool) -> None:
    """Write coil images (slices, n_coils, y, z) as an MRD file.

    Args:
        path: the file.
        images: complex.
        options: how they are measured.
        planar: whether y is the readout of 2D slices; else the slices are, of a 3D scan.
    """
    n_slices, n_coils, n_y, n_z = images.shape
    if options.mixing is not None:
        images = np.einsum("cd,sdyz->scyz", options.mixing, images)
    readout = 2 if planar else 0
    kspace = centred_fft(
        padded(images, readout, options.oversampling), *((2, 3) if planar else (0, 2, 3))
    )
    mm = options.voxel_mm
    if planar:
        matrix, steps, mm = (n_y, n_z, 1), {"kspace_encoding_step_1": n_z}, (mm[1], mm[2], mm[0])
    else:
        matrix = (n_slices, n_y, n_z)
        steps = {"kspace_encoding_step_1": n_y, "kspace_encoding_step_2": n_z}
    about = header(
        (options.oversampling * matrix[0], *matrix[1:]),
        matrix,
        mm,
        n_coils,
        **{name: limits(n) for name, n in steps.items()},
    )
    options.edit(about)
    lines = [*options.more, *measured(kspace, options, planar=planar)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with File(str(path), "w") as file:
        file[options.group].header = about
        file[options.group].acquisitions = lines


def measured(kspace: np.ndarray, options: Options, *, planar: bool) -> list[ismrmrd.Acquisition]:
    """Return the lines of k-space (slices or x, n_coils, y, z)."""
    n_slices, _, n_y, n_z = kspace.shape
    places = (
        [(s, z) for s in range(n_slices) for z in range(n_z) if options.keep(z, 0)]
        if planar
        else [(y, z) for z in range(n_z) for y in range(n_y) if options.keep(y, z)]
    )
    places = [(*place, a) for place in places for a in range(options.n_averages)]
    if options.order is not None:
        places = [places[k] for k in options.order.permutation(len(places))]
    result = []
    for one, two, average in places:
        if planar:
            data, idx = kspace[one, :, :, two], {"slice": one, "kspace_encode_step_1": two}
        else:
            data = kspace[:, :, one, two].T
            idx = {"kspace_encode_step_1": one, "kspace_encode_step_2": two}
        # averages differ, and their mean is the data
        data = data * (1 + 0.5 * (average - (options.n_averages - 1) / 2))
        centre = data.shape[1] // 2 - options.first_sample
        data = data[:, options.first_sample :]
        data = np.pad(data, [(0, 0), options.discarded], constant_values=1e6)
        line = acquisition(data, average=average, **idx)
        line.discard_pre, line.discard_post = options.discarded
        line.center_sample = centre + options.discarded[0]
        line.read_dir[:], line.phase_dir[:], line.slice_dir[:] = options.directions
        at = np.array(options.centre_mm)
        if planar:
            at = at + one * options.voxel_mm[0] * np.array(options.directions[2])
        line.position[:] = at
        options.change(line)
        result.append(line)
    return result
