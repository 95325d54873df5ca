"""What Poisson-disk masks share: the search for a mask of the nominal acceleration."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stages.kspace.masks.protocol import Matrix
from stages.kspace.masks.sampling import SamplingMask
from stages.params.mask import DiskParams, MaskParams, Of
from stages.study.errors import StudyError

RETRIES = 20  # further seeds where the masks of one jump over the nominal acceleration


@dataclass(frozen=True)
class MaskOptions:
    """What to draw: `mask.acceleration`, `mask.acceleration_of`, and the options of the kind."""

    acceleration: float
    acceleration_of: Of
    center_fraction: float
    tolerance: float

    @classmethod
    def of(cls, params: MaskParams, disk: DiskParams) -> "MaskOptions":
        """Return the options of a kind from the parameters."""
        return cls(
            params.acceleration, params.acceleration_of, disk.center_fraction, disk.tolerance
        )

    def deviation(self, drawn: SamplingMask) -> float:
        """Return the relative difference of a mask's acceleration from the nominal one."""
        return drawn.acceleration(self.acceleration_of) / self.acceleration - 1

    def n_counted(self, shape: Matrix, n_acquired: int) -> int:
        """Return how many k-space samples the acceleration counts as all."""
        return shape[0] * (n_acquired if self.acceleration_of == "acquired" else shape[1])


def first_within(
    draws_of: Callable[[int], list[SamplingMask]], shape: Matrix, options: MaskOptions, seed: int
) -> SamplingMask:
    """Return the mask nearest to the nominal acceleration, of the first seed that is close enough.

    Args:
        draws_of: from a seed to some masks.
        shape: (n_ky, n_kz), for the message.
        options: of the kind of masks.
        seed: the first one; the sequence of those after it is fixed.

    Raises:
        StudyError: if no mask comes within the tolerance.
    """
    closest = np.inf
    for attempt in range(RETRIES):
        draws = draws_of((seed + attempt) % 2**32)
        best = min(draws, key=lambda drawn: abs(options.deviation(drawn)))
        if abs(options.deviation(best)) <= options.tolerance:
            return best
        closest = min(closest, abs(options.deviation(best)))
    raise StudyError(
        f"mask: acceleration {options.acceleration:g} on a {shape[0]} x {shape[1]} matrix cannot be"
        f" drawn within {options.tolerance:.1%} (closest {closest:.1%}); raise mask.tolerance of"
        " the kind"
    )


def check_reachable(
    shape: Matrix, n_acquired: int, options: MaskOptions, calibration: np.ndarray
) -> None:
    """Raise `StudyError` if no mask around a calibration region has the nominal acceleration.

    Args:
        shape: (n_ky, n_kz).
        n_acquired: acquired kz columns.
        options: of the kind of masks.
        calibration: (n_ky, n_kz) bool.
    """
    n_calibration = int(calibration[:, :n_acquired].sum())
    if n_calibration == 0:
        raise StudyError(
            f"mask: center_fraction {options.center_fraction:g} gives no calibration region on a"
            f" {shape[0]} x {shape[1]} matrix; raise mask.center_fraction of the kind"
        )
    counted = options.n_counted(shape, n_acquired)
    if counted / n_calibration < options.acceleration:
        raise StudyError(
            f"mask: the calibration region alone allows acceleration {counted / n_calibration:.1f},"
            f" the nominal one is {options.acceleration:g}; lower mask.center_fraction of the kind"
        )
    if shape[0] * n_acquired / counted < 1 / options.acceleration:
        raise StudyError(
            f"mask: acceleration {options.acceleration:g} of the full matrix is below what partial"
            " Fourier leaves; raise mask.acceleration"
        )


def direct_poisson(params: MaskParams, disk: DiskParams) -> dict[str, object]:
    """Return DIRECT's configuration of its variable-density Poisson disks.

    DIRECT counts their acceleration on the full matrix, before it leaves out the columns that were
    not acquired.
    """
    return {
        "name": "VariableDensityPoisson",
        "accelerations": [params.acceleration],
        "center_fractions": [disk.center_fraction],
    }
