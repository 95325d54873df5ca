"""Equispaced phase-encoding lines around a fully sampled centre.

fastMRI corrects the spacing for the lines of the centre: with n lines, n_centre of them in the
centre and acceleration R it is R (n - n_centre) / (n - R n_centre), so that the number of lines is
n / R, and the first line is drawn from those below the spacing.
"""

import numpy as np

from stages.kspace.masks.lines import Lines, direct_lines, line_mask, line_words
from stages.kspace.masks.protocol import MaskKind, Target
from stages.kspace.masks.sampling import SamplingMask
from stages.params.mask import MaskParams


def spaced(lines: Lines, rng: np.random.Generator) -> np.ndarray:
    """Return lines at the corrected spacing from a random first one on, rounded to whole numbers.

    What falls into the centre is sampled anyway, so the number of lines is the asked one up to two.
    """
    n_further = lines.n_asked - lines.n_centre
    if n_further <= 0:
        return np.empty(0, int)
    spacing = (lines.n - lines.n_centre) / n_further
    offset = int(rng.integers(max(round(spacing), 1)))
    places = [offset + k * spacing for k in range(lines.n)]
    return np.array([round(place) for place in places if place < lines.n - 1], int)


def mask_of(params: MaskParams, target: Target) -> SamplingMask:
    """Return a mask drawn with the parameters; arguments as of `MaskKind.mask`."""
    return line_mask(params, params.equispaced, target, spaced)


def words(params: MaskParams) -> str:
    """Return the masks as a sentence names them."""
    return line_words("equispaced", params.equispaced)


def direct(params: MaskParams) -> dict[str, object]:
    """Return the configuration of DIRECT's own masks."""
    return direct_lines("FastMRIEquispaced", params, params.equispaced)


EQUISPACED = MaskKind("equispaced", mask_of, words, direct)
