"""Thickness as the length of a field line of the potential, by partial differential equations.

With N the unit vectors along the lines and g the fraction of a voxel that is cortex, the lengths
L0 from white matter and L1 from the pial surface obey

    grad L0 . N = g,    - grad L1 . N = g,    thickness = L0 + L1

(Yezzi and Prince 2003, doi:10.1109/TMI.2003.817775, where g = 1; they solve by upwind differences,
as here). A fraction instead of 1 counts partial volumes at both surfaces: along a line it adds up
to the thickness wherever the surfaces cut the voxels.
"""

import numpy as np

from stages.measures.thickness.potential import directions
from stages.measures.thickness.sheet import Sheet
from stages.measures.thickness.sulci import Banks, closed_sulci

SWEEPS = 40  # at most, voxels that a line passes
TOLERANCE_MM = 1e-3  # largest change of a sweep at which it ends


def thickness(cortex: Sheet) -> np.ndarray:
    """Return the thickness at each voxel of the cortex, (n_cortex,) float64 mm.

    NaN where no line joins the two surfaces.
    """
    if not (len(cortex.index) and cortex.inner.any()):
        return np.full(len(cortex.index), np.nan)
    banks = closed_sulci(cortex)
    along = directions(cortex, banks)
    nothing = Banks(banks.places[:0], banks.beyond_mm[:0])
    total = length(cortex, along, nothing) + length(cortex, -along, banks)
    return np.where(np.any(along != 0, axis=0), total, np.nan)


def length(cortex: Sheet, along: np.ndarray, banks: Banks) -> np.ndarray:
    """Return the length from the surface that lines come from, (n_cortex,) float64 mm.

    Upwind: with a_i = |N_i| / h_i, L = (sum_i a_i (L_i)+ g) / sum_i a_i, L_i of the neighbour
    that the line comes from along axis i; g is the mean of both ends of the step.

    Args:
        cortex: the sheet.
        along: (3, n_cortex), unit vectors of the lines.
        banks: where they come from the middle of a closed sulcus.
    """
    volume = np.zeros(len(cortex.cortex), dtype=np.float32)
    rates = np.abs(along) / np.array(cortex.size_mm, dtype=np.float32)[:, None]
    total = rates.sum(axis=0)
    rates /= np.where(total > 0, total, 1)
    upwind = [
        np.where(along[axis] > 0, before, after)
        for axis, (before, after) in enumerate(cortex.neighbours)
    ]
    own = cortex.cortex[cortex.index]
    g = sum(part**2 * cortex.cortex[place] for part, place in zip(along, upwind, strict=True))
    source = (own + g) / 2 / np.where(total > 0, total, np.inf)
    fixed = (own[banks.places] * banks.beyond_mm).astype(np.float32)
    before = np.zeros(len(own), dtype=np.float32)
    for _ in range(SWEEPS):
        found = source.copy()
        for rate, place in zip(rates, upwind, strict=True):
            found += rate * volume[place]
        found[banks.places] = fixed
        volume[cortex.index] = found
        if np.max(np.abs(found - before), initial=0.0) < TOLERANCE_MM:
            break
        before = found
    return found.astype(np.float64)
