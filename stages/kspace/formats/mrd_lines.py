"""Which acquisitions of an MRD file are lines of an image, and where in k-space they lie.

Noise, calibration (ACS), navigator and phase-correction lines and dummy scans are left out; what
remains must be one image of each slice, sampled on a full Cartesian grid but for partial Fourier,
partial echo and the corners of an elliptical shutter.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ismrmrd import constants

from stages.kspace.formats.mrd_header import CARTESIAN, COUNTERS, Limits, MrdHeader, several
from stages.kspace.region import RIM, elliptical
from stages.study.errors import StudyError

STEPS = ("kspace_encoding_step_1", "kspace_encoding_step_2")
IDX = ("kspace_encode_step_1", "kspace_encode_step_2")
OTHER = (
    constants.ACQ_IS_NOISE_MEASUREMENT,
    constants.ACQ_IS_NAVIGATION_DATA,
    constants.ACQ_IS_PHASECORR_DATA,
    constants.ACQ_IS_HPFEEDBACK_DATA,
    constants.ACQ_IS_DUMMYSCAN_DATA,
    constants.ACQ_IS_RTFEEDBACK_DATA,
    constants.ACQ_IS_SURFACECOILCORRECTIONSCAN_DATA,
    constants.ACQ_IS_PHASE_STABILIZATION_REFERENCE,
    constants.ACQ_IS_PHASE_STABILIZATION,
)
"""Flags of acquisitions that are no lines of the image."""
HALF = 0.5  # of an axis: below it there is no image without its conjugate half


class Samples(NamedTuple):
    """Which samples of each line are used, and where the first lies on the readout."""

    start: int
    stop: int
    position: int


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines of an image in the order of the file."""

    numbers: np.ndarray
    """(n,) of the acquisitions in the file."""
    ky: np.ndarray
    """(n,) positions of the encoding step 1."""
    kz: np.ndarray
    """(n,) positions of the encoding step 2; 0 of 2D scans."""
    place: np.ndarray
    """(n,) number of the slice of 2D scans, from 0 on in the order of space."""
    count: np.ndarray
    """(n,) how many lines of the file lie at the same position (averages)."""
    rank: np.ndarray
    """(n,) how many of these come before."""
    samples: Samples
    n_coils: int


def flagged(heads: np.ndarray, *flags: int) -> np.ndarray:
    """Return which acquisitions (n,) have at least one of these flags."""
    bits = np.uint64(sum(1 << (flag - 1) for flag in flags))
    return (heads["flags"] & bits) != 0


def imaging(heads: np.ndarray, path: Path) -> np.ndarray:
    """Return which acquisitions (n,) are lines of the image; raise `StudyError` if there is none.

    Args:
        heads: headers of all acquisitions.
        path: their file.
    """
    both = flagged(heads, constants.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING)
    calibration = flagged(heads, constants.ACQ_IS_PARALLEL_CALIBRATION) & ~both
    found = ~flagged(heads, *OTHER) & ~calibration
    if not found.any():
        raise StudyError(
            f"{path}: expected lines of an image, got {len(heads)} acquisitions of noise,"
            " calibration or navigators alone; leave the scan out"
        )
    return found


def check_one_image(heads: np.ndarray, path: Path) -> None:
    """Raise `StudyError` unless the lines (n,) are of one Cartesian image of each slice."""
    if flagged(heads, constants.ACQ_IS_REVERSE).any():
        raise StudyError(
            f"{path}: expected a {CARTESIAN} scan, got lines that were read in reverse (EPI), which"
            " is not supported; leave the scan out"
        )
    for counter in COUNTERS:
        if (n := len(np.unique(heads["idx"][counter]))) > 1:
            raise several(path, counter, n)
    for key, what in (
        ("encoding_space_ref", "encodings"),
        ("active_channels", "numbers of coils"),
        ("number_of_samples", "lengths of lines"),
        ("center_sample", "centres of lines"),
        ("discard_pre", "numbers of discarded samples"),
        ("discard_post", "numbers of discarded samples"),
    ):
        values = np.unique(heads[key])
        if len(values) > 1:
            shown = ", ".join(map(str, values[:4]))
            raise StudyError(
                f"{path}: expected lines that are alike, got {len(values)} {what} ({shown});"
                " leave the scan out"
            )


def lines_of(heads: np.ndarray, header: MrdHeader, order: np.ndarray, path: Path) -> Lines:
    """Return where the lines of the image lie; raise `StudyError` if it is outside the matrix.

    Args:
        heads: headers of all acquisitions.
        header: of the file.
        order: (n slices,) numbers of the slices of 2D scans in the order of space.
        path: the file.
    """
    numbers = np.flatnonzero(imaging(heads, path))
    chosen = heads[numbers]
    ky, kz = (
        _positions(chosen["idx"][key], header.limits.get(step), n, key, path)
        for key, step, n in zip(IDX, STEPS, header.encoded.matrix[1:], strict=True)
    )
    place = np.argsort(order)[np.searchsorted(np.sort(order), chosen["idx"]["slice"])]
    _, n_y, n_z = header.encoded.matrix
    flat = (place.astype(np.int64) * n_y + ky) * n_z + kz
    count, rank = repeats(flat)
    first = chosen[0]
    n_coils = int(first["active_channels"])
    samples = samples_of(first, header.encoded.matrix[0], path)
    return Lines(numbers, ky, kz, place, count, rank, samples, n_coils)


def _positions(
    steps: np.ndarray, limits: Limits | None, n: int, key: str, path: Path
) -> np.ndarray:
    """Return positions on an axis of n, zero frequency at n // 2, of the numbers of a step."""
    centre = n // 2 if limits is None else limits.centre
    positions = steps.astype(np.int64) - centre + n // 2
    wrong = (positions < 0) | (positions >= n)
    if wrong.any():
        bad = int(steps[wrong][0])
        raise StudyError(
            f"{path}: expected {key} within the encoded matrix of {n} around {centre}, got {bad};"
            " convert the scan anew"
        )
    return positions


def samples_of(head: np.ndarray, n: int, path: Path) -> Samples:
    """Return which samples of a line are used; raise `StudyError` if they do not fit the matrix.

    Args:
        head: header of a line.
        n: readout samples of the encoded matrix.
        path: the file.
    """
    n_samples, centre = int(head["number_of_samples"]), int(head["center_sample"])
    start, stop = int(head["discard_pre"]), n_samples - int(head["discard_post"])
    if centre == 0 and stop - start == n:  # some converters leave it out
        centre = start + n // 2
    position = start - centre + n // 2
    if not (0 <= start < stop and position >= 0 and position + stop - start <= n):
        raise StudyError(
            f"{path}: expected lines within the {n} readout samples of the encoded matrix, got"
            f" samples {start} to {stop} around {centre}; convert the scan anew"
        )
    if not position <= n // 2 < position + stop - start or stop - start <= HALF * n:
        raise StudyError(
            f"{path}: expected more than half of the {n} readout samples, the centre among them,"
            f" got {stop - start} from {position} on; leave the scan out"
        )
    return Samples(start, stop, position)


def repeats(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each value (n,) occurs, and how many of the same come before it."""
    _, group, counts = np.unique(flat, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.empty(len(flat), np.int64)
    rank[order] = np.arange(len(flat)) - starts[group[order]]
    return counts[group], rank


def sampled(lines: Lines, matrix: tuple[int, int], path: Path) -> np.ndarray:
    """Return which positions (n_ky, n_kz), bool, were sampled in every slice.

    Raises:
        StudyError: if slices differ.
    """
    n_slices = int(lines.place.max()) + 1
    each = np.zeros((n_slices, *matrix), bool)
    each[lines.place, lines.ky, lines.kz] = True
    if (each != each[0]).any():
        bad = int(np.flatnonzero((each != each[0]).any(axis=(1, 2)))[0])
        raise StudyError(
            f"{path}: expected the same lines of every slice, got others in slice {bad} than in"
            " slice 0; copy the file again or leave the scan out"
        )
    return each[0]


def check_fully_sampled(plane: np.ndarray, path: Path) -> None:
    """Raise `StudyError` if lines are missing that neither partial Fourier nor a shutter explains.

    Args:
        plane: which positions were sampled, bool (step 1, step 2).
        path: the file.
    """
    box = np.ix_(*(_span(plane.any(axis=1 - axis)) for axis in (0, 1)))
    needed = np.zeros_like(plane)
    needed[box] = True
    corners = min(plane.shape) > 1
    missing = needed & ~plane
    gaps = (missing & elliptical(plane.shape, RIM)).any() if corners else missing.any()
    halves = [len(_span(plane.any(axis=1 - axis))) > HALF * plane.shape[axis] for axis in (0, 1)]
    if gaps or not all(halves):
        raise StudyError(
            f"{path}: expected a fully sampled scan as a reference, got {int(plane.sum())} of"
            f" {plane.size} phase-encoding samples, {int(missing.sum())} of the"
            f" {int(needed.sum())} between the outermost missing (prospectively undersampled),"
            " which is not supported; leave the scan out"
        )


def _span(held: np.ndarray) -> np.ndarray:
    """Return all positions from the first to the last that is held."""
    found = np.flatnonzero(held)
    return np.arange(found[0], found[-1] + 1)
