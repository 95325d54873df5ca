"""Masks of 2D scans: a readout is measured as a whole, so that only whole lines are left out."""

import numpy as np

from stages.kspace.formats.protocol import Scan
from stages.kspace.masks.sampling import SamplingMask
from stages.params.mask import MaskParams
from stages.study.errors import StudyError


def check_whole_lines(drawn: SamplingMask, scan: Scan, params: MaskParams) -> None:
    """Raise `StudyError` if a mask leaves out a part of a readout.

    Args:
        drawn: the mask.
        scan: the scan that it is for; those whose ky and kz both encode phase have any mask.
        params: the mask's.
    """
    if scan.geometry.readout is None:
        return
    acquired = scan.acquired
    parts = drawn.mask.any(axis=0) & ~(drawn.mask | ~acquired).all(axis=0)
    if parts.any():
        raise StudyError(
            f"{scan.path}: expected a mask of whole lines along kz, as ky is the readout of a 2D"
            f" scan, got mask.kind {params.kind} with {int(np.count_nonzero(parts))} lines sampled"
            " in parts; set mask.kind to equispaced or random and its axis to kz, or to file"
        )
