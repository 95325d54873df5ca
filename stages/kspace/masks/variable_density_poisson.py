"""Variable-density Poisson-disk masks drawn to an exact acceleration.

The sampler is DIRECT's (Bridson 2007, doi:10.1145/1278780.1278807). It knows nothing of the
columns that partial Fourier leaves out, its own search for an acceleration is coarse (R = 5 means
4.8 to 5.2) and never returns when its tolerance cannot be met. So it is asked for single draws, and
the search for the slope of the sampling density is done here, on the acceleration that counts.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from stages.kspace.masks.protocol import MaskKind, Matrix
from stages.kspace.masks.sampling import SamplingMask
from stages.params.mask import MaskParams
from stages.study.errors import StudyError

HALVINGS = 14  # of the slope interval: 1e-4 of it, finer than one position of a real-size mask
RETRIES = 20  # further seeds when the draws of one jump over the asked acceleration


@dataclass(frozen=True)
class MaskOptions:
    """What to draw (section `mask` of params.yaml)."""

    acceleration: float
    acceleration_of: Literal["acquired", "full"]
    center_fraction: float
    tolerance: float


def draw_mask(
    shape: tuple[int, int], n_acquired: int, options: MaskOptions, seed: int
) -> SamplingMask:
    """Draw a mask (n_ky, n_kz) whose acceleration is the asked one within the tolerance.

    The disks grow with the distance from the centre by a slope that is found by bisection; where
    the draws jump over the asked value, the next seed of a fixed sequence is tried.

    Raises:
        StudyError: if the calibration disk alone takes too much or no draw comes close enough.
    """
    calibration = _calibration_disk(shape, options.center_fraction)
    _check_reachable(shape, n_acquired, options, calibration)
    closest = np.inf
    for attempt in range(RETRIES):
        draws = _bisect(shape, n_acquired, options, (seed + attempt) % 2**32)
        best = min(draws, key=lambda drawn: abs(_deviation(drawn, options)))
        if abs(_deviation(best, options)) <= options.tolerance:
            return best
        closest = min(closest, abs(_deviation(best, options)))
    raise StudyError(
        f"mask: acceleration {options.acceleration:g} on a {shape[0]} x {shape[1]} matrix cannot be"
        f" drawn within {options.tolerance:.1%} (closest {closest:.1%}); raise mask.tolerance"
    )


def _bisect(
    shape: tuple[int, int], n_acquired: int, options: MaskOptions, seed: int
) -> list[SamplingMask]:
    low, high = 0.0, float(max(shape))  # as in DIRECT: from full sampling to the disk alone
    draws = []
    for _ in range(HALVINGS):
        slope = (low + high) / 2
        mask, calibration = _draw(shape, slope, options.center_fraction, seed)
        draws.append(SamplingMask.of(mask, calibration, n_acquired))
        deviation = _deviation(draws[-1], options)
        if abs(deviation) <= options.tolerance / 2:
            break
        low, high = (slope, high) if deviation < 0 else (low, slope)
    return draws


def _deviation(drawn: SamplingMask, options: MaskOptions) -> float:
    return drawn.acceleration(options.acceleration_of) / options.acceleration - 1


def _draw(
    shape: tuple[int, int], slope: float, center_fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    # a second to import, which those who only tell of these masks need not wait for
    from direct.common.subsample import VariableDensityPoissonMaskFunc

    # an interval closed around the slope and an infinite tolerance make it one draw, no search
    sampler = VariableDensityPoissonMaskFunc(
        [1.0], [center_fraction], tol=np.inf, slopes=(slope, np.nextafter(slope, np.inf))
    )
    # the last axis stands for real and imaginary parts, as in DIRECT's own calls
    mask = sampler(shape=(*shape, 2), seed=seed).numpy().reshape(shape)
    return mask.astype(bool), _calibration_disk(shape, center_fraction)


def _calibration_disk(shape: tuple[int, int], center_fraction: float) -> np.ndarray:
    from direct.common.subsample import VariableDensityPoissonMaskFunc

    sampler = VariableDensityPoissonMaskFunc([1.0], [center_fraction])
    return sampler(shape=(*shape, 2), return_acs=True, seed=0).numpy().reshape(shape).astype(bool)


def _check_reachable(
    shape: tuple[int, int], n_acquired: int, options: MaskOptions, calibration: np.ndarray
) -> None:
    n_calibration = int(calibration[:, :n_acquired].sum())
    if n_calibration == 0:
        raise StudyError(
            f"mask: center_fraction {options.center_fraction:g} gives no calibration line on a"
            f" {shape[0]} x {shape[1]} matrix; raise mask.center_fraction"
        )
    counted = shape[0] * (n_acquired if options.acceleration_of == "acquired" else shape[1])
    if counted / n_calibration < options.acceleration:
        raise StudyError(
            f"mask: the calibration disk alone allows acceleration {counted / n_calibration:.1f},"
            f" asked are {options.acceleration:g}; lower mask.center_fraction"
        )
    if shape[0] * n_acquired / counted > 1 / options.acceleration:
        return
    raise StudyError(
        f"mask: acceleration {options.acceleration:g} of the full matrix is below what partial"
        " Fourier leaves; raise mask.acceleration"
    )


def mask_of(params: MaskParams, matrix: Matrix, n_acquired: int, seed: int) -> SamplingMask:
    """Return a mask drawn with the parameters; arguments as of `MaskKind.mask`."""
    options = MaskOptions(
        acceleration=params.acceleration,
        acceleration_of=params.acceleration_of,
        center_fraction=params.center_fraction,
        tolerance=params.tolerance,
    )
    return draw_mask(matrix, n_acquired, options, seed)


VARIABLE_DENSITY_POISSON = MaskKind(
    name="variable_density_poisson",
    title="variable-density Poisson-disk masks",
    has_center_fraction=True,
    mask=mask_of,
)
