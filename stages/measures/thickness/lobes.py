"""Regions over which thickness is averaged: hemispheres, and blocks named after the lobes.

There is no parcellation of the cortex here. Two planes across the head and one between them part
the box around the cerebrum, as far as proportions alone can say where a lobe is. With a from the
rearmost (0) to the foremost cerebral voxel (1), s from the lowest (0) to the highest (1), both at
right angles to the slices of the scanner:

    occipital   a < 0.18                                    parieto-occipital sulcus
    temporal    s < 0.28 + 0.75 (0.71 - a), a < 0.71        below the lateral sulcus
    frontal     a > 0.56 - 0.26 (s - 0.45)                  before the central sulcus
    parietal    the rest

each less those above it. The numbers are where these sulci run in the proportional grid of
Talairach and Tournoux 1988 (Co-planar stereotaxic atlas of the human brain, Thieme), to 0.01.
A head that is tilted, or of other proportions, has other blocks: a block is no lobe.
"""

from collections.abc import Iterator

import numpy as np

LOBES = ("frontal", "parietal", "temporal", "occipital")
WHOLE, LEFT, RIGHT = "cortex", "left", "right"
CORTEX = {LEFT: 3, RIGHT: 42}
"""FreeSurfer ids; maps of merged sides have the left one alone."""
OCCIPITAL = 0.18
TEMPORAL_POLE, TEMPORAL_TOP, TEMPORAL_SLOPE = 0.71, 0.28, 0.75
CENTRAL, CENTRAL_HEIGHT, CENTRAL_SLOPE = 0.56, 0.45, 0.26
TAIL = 0.001  # of the cerebral voxels that may lie outside the box: specks of a segmentation


def lobes(places: np.ndarray, cerebrum: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Return the place in `LOBES` of each voxel, (n_voxels,) int.

    Args:
        places: (n_voxels, 3) voxel indices.
        cerebrum: (n_cerebral, 3) voxel indices of all of the cerebrum.
        affine: (4, 4) voxel to world, RAS+, mm.
    """
    ahead, up = (_fraction(places, cerebrum, affine[row, :3]) for row in (1, 2))
    lateral_sulcus = TEMPORAL_TOP + TEMPORAL_SLOPE * (TEMPORAL_POLE - ahead)
    rules = {
        "occipital": ahead < OCCIPITAL,
        "temporal": (up < lateral_sulcus) & (ahead < TEMPORAL_POLE),
        "frontal": ahead > CENTRAL - CENTRAL_SLOPE * (up - CENTRAL_HEIGHT),
    }
    numbers = [LOBES.index(name) for name in rules]
    return np.select(list(rules.values()), numbers, LOBES.index("parietal"))


def _fraction(places: np.ndarray, cerebrum: np.ndarray, row: np.ndarray) -> np.ndarray:
    if not len(cerebrum):
        return np.zeros(len(places))
    low, high = np.quantile(cerebrum @ row, [TAIL, 1 - TAIL])
    return (places @ row - low) / max(high - low, np.finfo(float).tiny)


def regions(lobe: np.ndarray, right: np.ndarray | None) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and voxels of every region: all, hemispheres, lobes, lobes of a hemisphere.

    Args:
        lobe: (n_voxels,) from `lobes`.
        right: (n_voxels,) bool; None where the sides are merged, and hemispheres have no region.
    """
    everything = np.ones(len(lobe), dtype=bool)
    sides = {} if right is None else {LEFT: ~right, RIGHT: right}
    for side, where in ({WHOLE: everything} | sides).items():
        yield side, where
        for number, name in enumerate(LOBES):
            yield name if side == WHOLE else f"{side}_{name}", where & (lobe == number)
