"""Laplace's equation between the surfaces of the cortex.

The potential is 0 at white matter and 1 at the pial surface; its field lines join both and never
cross (Jones, Buchbinder and Aharon 2000,
doi:10.1002/1097-0193(200009)11:1<12::AID-HBM20>3.0.CO;2-K).
"""

import numpy as np

from stages.measures.thickness.sheet import Sheet
from stages.measures.thickness.sulci import Banks

RELAXATION = 1.4  # of successive over-relaxation; sheets of a few voxels converge fastest near it
SWEEPS = 40  # then the potential of a sheet of five voxels is right to 1e-4


def directions(cortex: Sheet, banks: Banks) -> np.ndarray:
    """Return the unit vectors along the gradient of the potential, (3, n_cortex) float32.

    They are 0 where the potential is flat: far from one of the surfaces.
    """
    potential = solve(cortex, banks)
    slopes = np.empty((3, len(cortex.index)), dtype=np.float32)
    for axis, (before, after) in enumerate(cortex.neighbours):
        slopes[axis] = (potential[after] - potential[before]) / (2 * cortex.size_mm[axis])
    norm = np.sqrt(np.sum(slopes**2, axis=0))
    return slopes / np.where(norm > 0, norm, 1)


def solve(cortex: Sheet, banks: Banks) -> np.ndarray:
    """Return the potential of every voxel, (n_voxels,) float32.

    Successive over-relaxation over voxels of even and of odd place in turn: the second difference
    of seven points is 0.
    """
    potential = np.where(cortex.inner, np.float32(0), np.float32(1))
    free = np.ones(len(cortex.index), dtype=bool)
    free[banks.places] = False
    potential[cortex.index[free]] = 0.5
    potential[cortex.index[banks.places]] = 1
    weights = 1 / np.square(np.array(cortex.size_mm))
    weights = (weights / (2 * weights.sum()) * RELAXATION).astype(np.float32)
    index = cortex.index[free]
    parity = np.sum(np.unravel_index(index, cortex.shape), axis=0) % 2
    halves = []
    for odd in (0, 1):
        own = index[parity == odd]
        halves.append((own, [(own - step, own + step) for step in cortex.steps]))
    for _ in range(SWEEPS):
        for own, pairs in halves:
            mean = potential[own] * np.float32(1 - RELAXATION)
            for weight, (before, after) in zip(weights, pairs, strict=True):
                mean += weight * (potential[before] + potential[after])
            potential[own] = mean
    return potential
