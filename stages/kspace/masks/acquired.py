"""Masks of scans whose acquired columns have gaps: an elliptical shutter, rows left out."""

from collections.abc import Callable

import numpy as np

from stages.kspace.masks.sampling import SamplingMask
from stages.params.mask import MaskParams
from stages.study.errors import StudyError

TRIES = 12  # of other accelerations
CLOSE = 0.01  # relative, between the nominal acceleration and that of the acquired positions


def within_region(
    draw: Callable[[MaskParams], SamplingMask], params: MaskParams, acquired: np.ndarray
) -> SamplingMask:
    """Return a mask of acquired positions whose acceleration, counted over these, is as asked.

    A mask of whole columns loses fewer samples than positions to the gaps, which lie where it is
    sparse; so others are drawn until one is within `CLOSE`, or else the closest is taken. Masks
    that are read from files are what they are.

    Args:
        draw: from the parameters to a mask of whole columns.
        params: what is asked.
        acquired: positions, bool (n_ky, n_kz); a mask of whole columns is returned as it is drawn.

    Raises:
        StudyError: as `draw` for the asked parameters.
    """
    whole = draw(params)
    found = whole.within(acquired)
    if found is whole or params.files is not None:
        return found
    candidates, asked = [found], params
    while len(candidates) < TRIES and off(candidates[-1], params) > CLOSE:
        factor = candidates[-1].acceleration(params.acceleration_of) / params.acceleration
        asked = asked.model_copy(update={"acceleration": asked.acceleration / factor})
        try:
            candidates.append(draw(asked).within(acquired))
        except StudyError:  # there is no such acceleration
            break
    return min(candidates, key=lambda mask: off(mask, params))


def off(mask: SamplingMask, params: MaskParams) -> float:
    """Return by how much, relative, the acceleration of a mask is not the asked one."""
    return abs(mask.acceleration(params.acceleration_of) / params.acceleration - 1)
