"""Random phase-encoding lines around a fully sampled centre.

In fastMRI every line outside the centre is sampled with probability (n / R - n_centre) /
(n - n_centre), so that the acceleration is R on average. Here the number of lines is that average,
rounded, and all choices of so many lines have the same probability.
"""

import numpy as np

from stages.kspace.masks.lines import Lines, direct_lines, line_mask, line_words
from stages.kspace.masks.protocol import MaskKind, Target
from stages.kspace.masks.sampling import SamplingMask
from stages.params.mask import MaskParams


def picked(lines: Lines, rng: np.random.Generator) -> np.ndarray:
    """Return lines outside the centre, all choices of so many with equal probability."""
    return rng.permutation(lines.outside)[: round(lines.n_asked) - lines.n_centre]


def mask_of(params: MaskParams, target: Target) -> SamplingMask:
    """Return a mask drawn with the parameters; arguments as of `MaskKind.mask`."""
    return line_mask(params, params.random, target, picked)


def words(params: MaskParams) -> str:
    """Return the masks as a sentence names them."""
    return line_words("random", params.random)


def direct(params: MaskParams) -> dict[str, object]:
    """Return the configuration of DIRECT's own masks."""
    return direct_lines("FastMRIRandom", params, params.random)


RANDOM = MaskKind("random", mask_of, words, direct)
