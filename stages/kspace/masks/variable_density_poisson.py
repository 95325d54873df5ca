"""Variable-density Poisson-disk masks drawn to an exact acceleration.

The sampler is DIRECT's (Bridson 2007, doi:10.1145/1278780.1278807). It knows nothing of the
columns that partial Fourier leaves out, its own search for an acceleration is coarse (R = 5 means
4.8 to 5.2) and never returns when its tolerance cannot be met. So it is asked for single draws, and
the search for the slope of the sampling density is done here, on the acceleration that counts.
"""

import numpy as np

from stages.kspace.masks.centre import centre_words
from stages.kspace.masks.protocol import MaskKind, Matrix, Target
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.search import (
    MaskOptions,
    check_reachable,
    direct_poisson,
    first_within,
)
from stages.params.mask import MaskParams

HALVINGS = 14  # of the slope interval: 1e-4 of it, finer than one position of a real-size mask


def draw_mask(shape: Matrix, n_acquired: int, options: MaskOptions, seed: int) -> SamplingMask:
    """Draw a mask (n_ky, n_kz) whose acceleration is the nominal one within the tolerance.

    The disks grow with the distance from the centre by a slope that is found by bisection; where
    the draws jump over the asked value, the next seed of a fixed sequence is tried.

    Raises:
        StudyError: if the calibration disk alone takes too much or no draw comes close enough.
    """
    calibration = _calibration_disk(shape, options.center_fraction)
    check_reachable(shape, n_acquired, options, calibration)

    def draws_of(current: int) -> list[SamplingMask]:
        return _bisected(shape, n_acquired, options, current)

    return first_within(draws_of, shape, options, seed)


def _bisected(
    shape: Matrix, n_acquired: int, options: MaskOptions, seed: int
) -> list[SamplingMask]:
    low, high = 0.0, float(max(shape))  # as in DIRECT: from full sampling to the disk alone
    draws = []
    for _ in range(HALVINGS):
        slope = (low + high) / 2
        mask, calibration = _draw(shape, slope, options.center_fraction, seed)
        draws.append(SamplingMask.of(mask, calibration, n_acquired))
        deviation = options.deviation(draws[-1])
        if abs(deviation) <= options.tolerance / 2:
            break
        low, high = (slope, high) if deviation < 0 else (low, slope)
    return draws


def _draw(
    shape: Matrix, slope: float, center_fraction: float, seed: int
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


def _calibration_disk(shape: Matrix, center_fraction: float) -> np.ndarray:
    from direct.common.subsample import VariableDensityPoissonMaskFunc

    sampler = VariableDensityPoissonMaskFunc([1.0], [center_fraction])
    return sampler(shape=(*shape, 2), return_acs=True, seed=0).numpy().reshape(shape).astype(bool)


def mask_of(params: MaskParams, target: Target) -> SamplingMask:
    """Return a mask drawn with the parameters; arguments as of `MaskKind.mask`."""
    options = MaskOptions.of(params, params.variable_density_poisson)
    return draw_mask(target.matrix, target.n_acquired, options, target.seed)


def words(params: MaskParams) -> str:
    """Return the masks as a sentence names them."""
    centre = centre_words(params.variable_density_poisson.center_fraction)
    return f"variable-density Poisson-disk masks ({centre})"


def direct(params: MaskParams) -> dict[str, object]:
    """Return the configuration of DIRECT's own masks."""
    return direct_poisson(params, params.variable_density_poisson)


VARIABLE_DENSITY_POISSON = MaskKind("variable_density_poisson", mask_of, words, direct)
