"""What a kind of sampling masks is."""

from collections.abc import Callable
from dataclasses import dataclass

from stages.kspace.masks.sampling import SamplingMask
from stages.params.mask import MaskParams

Matrix = tuple[int, int]
"""Size of a scan's matrix, (n_ky, n_kz)."""


@dataclass(frozen=True)
class MaskKind:
    """A kind of masks, and how it is told of."""

    name: str
    title: str
    """Of its masks in a sentence, in the plural."""
    has_center_fraction: bool
    """Whether `mask.center_fraction` sets the size of the calibration region."""
    mask: Callable[[MaskParams, Matrix, int, int], SamplingMask]
    """From the parameters, matrix, number of acquired kz columns and seed to a mask; raises
    `StudyError` if there is none."""
