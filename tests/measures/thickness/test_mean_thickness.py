"""Mean thickness by region from label maps, and the tables of a group and of the truth."""

import numpy as np
import pytest

from stages.measures.members import Grid
from stages.measures.thickness.lobes import CORTEX, LOBES
from stages.measures.thickness.mean_thickness import map_thickness, mean_thickness
from stages.storage.nifti import affine
from tests.measures.thickness.phantoms import shell

AXES = ("SAR", "RAS", "LPS")


def ball(codes: str, thick_right: float = 3.0) -> tuple[np.ndarray, Grid]:
    """Return a label map of a spherical head, its right half of another thickness, and its grid."""
    halves = [shell(20.0, thick, 1.0) for thick in (2.0, thick_right)]
    largest = max(len(each.cortex) for each in halves)
    maps = []
    for each in halves:
        most = np.argmax([1 - each.cortex - each.inner, each.inner, each.cortex], axis=0)
        maps.append(np.pad(most, (largest - len(most)) // 2))
    left, right = maps
    ahead, up, side = 1, 0, 2  # of SAR: superior, anterior, right
    is_right = np.arange(largest) >= largest // 2
    labels = np.where(is_right, np.array([0, 41, 42])[right], np.array([0, 2, 3])[left])
    order = {"S": up, "I": up, "A": ahead, "P": ahead, "R": side, "L": side}
    labels = labels.transpose([order[code] for code in codes])
    flips = [slice(None, None, -1 if code in "LPI" else 1) for code in codes]
    labels = labels[tuple(flips)]
    return labels, Grid(labels.shape, affine(labels.shape, (1.0, 1.0, 1.0), codes))


def test_the_mean_is_over_the_surface():
    # half of the surface is 1 mm thick, half 3 mm: three times as many voxels
    values = np.repeat([1.0, 3.0], [10, 30])
    assert mean_thickness(values, np.ones(40)) == pytest.approx(2.0, rel=1e-12)
    assert np.isnan(mean_thickness(np.array([np.nan]), np.ones(1)))


def test_hemispheres_have_their_own_thickness():
    found = map_thickness(*ball("SAR"))
    # labels instead of fractions: the error of a shell's surfaces averages out over all directions
    assert found["left"] == pytest.approx(2.0, abs=0.1)
    assert found["right"] == pytest.approx(3.0, abs=0.1)
    assert found["left"] < found["cortex"] < found["right"]
    assert found["left"] < found["frontal"] < found["right"]
    assert len(found) == 3 * (1 + len(LOBES))


@pytest.mark.parametrize("codes", AXES[1:])
def test_regions_do_not_depend_on_the_order_of_the_axes(codes):
    expected, found = (map_thickness(*ball(each)) for each in (AXES[0], codes))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=0.02), name


def test_merged_sides_have_no_hemispheres():
    labels, grid = ball("SAR")
    merged = np.where(labels == CORTEX["right"], CORTEX["left"], labels)
    assert set(map_thickness(merged, grid)) == {"cortex", *LOBES}


def test_a_map_without_cortex_has_no_thickness():
    labels, grid = ball("SAR")
    for own in (np.zeros_like(labels), np.where(labels == 2, 2, 0)):
        assert np.isnan(list(map_thickness(own, grid).values())).all()
