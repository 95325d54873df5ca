"""Masks of scans whose acquired columns have gaps: an elliptical shutter, rows left out."""

from collections.abc import Callable

import numpy as np

from stages.kspace.masks.sampling import SamplingMask
from stages.params.mask import MaskParams
from stages.study.errors import StudyError

TRIES = 12  # of other accelerations


def within_region(
    draw: Callable[[MaskParams], SamplingMask], params: MaskParams, acquired: np.ndarray
) -> SamplingMask:
    """Return a mask of acquired positions whose acceleration is the asked one, counted over these.

    A mask of whole columns loses fewer samples than positions to the gaps, which lie where it is
    sparse; so one of a higher acceleration is drawn.

    Args:
        draw: from the parameters to a mask of whole columns.
        params: what is asked.
        acquired: positions, bool (n_ky, n_kz); a mask of whole columns is returned as it is drawn.

    Raises:
        StudyError: as `draw`, and if no mask comes close enough.
    """
    asked, closest = params, np.inf
    for _ in range(TRIES):
        whole = draw(asked)
        found = whole.within(acquired)
        off = found.acceleration(params.acceleration_of) / params.acceleration
        if found is whole or params.files is not None or abs(off - 1) <= params.tolerance:
            return found
        closest = min(closest, abs(off - 1))
        asked = asked.model_copy(update={"acceleration": asked.acceleration / off})
    raise StudyError(
        f"mask: acceleration {params.acceleration:g} of the acquired positions (data.acquired)"
        f" cannot be drawn within {params.tolerance:.1%} (closest {closest:.1%}); raise"
        " mask.tolerance"
    )
