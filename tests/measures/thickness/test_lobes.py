"""Blocks of the box around the cerebrum lie where the lobes do."""

import numpy as np

from stages.measures.thickness.lobes import LOBES, lobes, regions
from stages.storage.nifti import affine

# Talairach coordinates of well-known places, mm (anterior, superior); the box of the atlas reaches
# from -102 to 69 and from -43 to 74 (Talairach and Tournoux 1988)
BOX = ((-102, 69), (-43, 74))
PLACES = {
    "frontal": [(60, 0), (40, 30), (30, -15), (0, 60)],
    "parietal": [(-60, 50), (-45, 45), (-50, 60)],
    "temporal": [(0, -30), (-20, -20), (-40, -15), (10, -30)],
    "occipital": [(-95, 0), (-80, 10), (-90, -10)],
}


def test_places_of_the_atlas_are_in_their_lobes():
    sizes = (1.0, 1.0, 1.0)
    matrix = affine((118, 172, 3), sizes, "SAR")
    corners = np.indices((118, 172, 3)).reshape(3, -1).T
    for name, places in PLACES.items():
        index = np.array([(up - BOX[1][0], ahead - BOX[0][0], 1) for ahead, up in places])
        found = lobes(index, corners, matrix)
        assert [LOBES[number] for number in found] == [name] * len(places)


def test_every_voxel_is_in_one_lobe_of_one_hemisphere():
    rng = np.random.default_rng(0)
    lobe, right = rng.integers(0, len(LOBES), 200), rng.random(200) < 0.5
    found = dict(regions(lobe, right))
    parts = [where for name, where in found.items() if "_" in name]
    assert (np.sum(parts, axis=0) == 1).all()
    assert found["cortex"].all() and (found["left"] == ~right).all()
    assert list(dict(regions(lobe, None))) == ["cortex", *LOBES]
