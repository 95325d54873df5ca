"""Rescans: a simulated subject scanned again, the head in another position, other noise and mask.

How far volumes vary between scans of one person is what clinicians know; beside it stands what
networks and other draws add.
"""

from collections.abc import Iterable, Iterator
from itertools import batched

import numpy as np

from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.scan_mask import draw_scan_mask
from stages.params.mask import READ, MaskParams
from stages.params.phantom import PhantomParams
from stages.recon.draws.protocol import DrawMethod, Measurement, Take
from stages.scanner.repeated_scan import draw_pose, rescan
from stages.study import sidecars
from stages.study.errors import StudyError


def stacked(slices: Iterable[np.ndarray], n: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number of a slice, and k-space (at most n, n_coils, n_ky, n_kz) from it on."""
    for number, part in enumerate(batched(slices, n)):
        yield n * number, np.stack(part)


def other_mask(take: Take, params: MaskParams) -> SamplingMask:
    """Return another mask of the study's kind; the scan's own where masks are read from files."""
    return take.mask if params.kind in READ else draw_scan_mask(take.scan, params, take.seed)


def measure(take: Take) -> Measurement:
    """Return another scan of the subject; `StudyError` if the scan was not simulated so."""
    options, rng = take.options, take.rng
    pose = draw_pose(options.shift_mm, options.rotation_degrees, rng)
    scanner, slices = rescan(take.scan.path, pose, PhantomParams.load(), rng)
    expected = (*scanner.grid, scanner.n_coils)
    if (came := (*take.scan.shape, take.scan.n_coils)) != expected:
        raise StudyError(
            f"{take.scan.path}: expected {expected[:3]} voxels and {expected[3]} coils, as section"
            f" `phantom` of params.yaml simulates, got {came[:3]} and {came[3]}; only such scans"
            f" can be repeated: take another method for 'draws.{take.name}'"
        )
    said = (
        (sidecars.HEAD_SHIFT, list(pose.shift_mm)),
        (sidecars.HEAD_ROTATION, list(pose.rotation_degrees)),
    )
    mask = other_mask(take, MaskParams.load())
    return Measurement(stacked(slices, take.batch_size), mask, details=said)


RESCANS = DrawMethod("rescans", "position of the head, noise and mask", measure)
