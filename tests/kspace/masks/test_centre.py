"""The fully sampled centre of a mask."""

import numpy as np
import pytest
from direct.common import subsample
from hypothesis import given
from hypothesis import strategies as st

from stages.kspace.masks.centre import disk, disk_radius, sampled_centre


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 25))
def test_a_disk_is_directs_without_its_rim(n_ky: int, n_kz: int, radius: int) -> None:
    theirs = subsample.CalgaryCampinasMaskFunc.circular_centered_mask((n_ky, n_kz), radius)
    y, z = np.indices((n_ky, n_kz))
    rim = (y - n_ky // 2) ** 2 + (z - n_kz // 2) ** 2 == radius**2
    np.testing.assert_array_equal(disk((n_ky, n_kz), radius), (theirs[0, ..., 0] != 0) & ~rim)


@pytest.mark.parametrize(
    ("shape", "radius"),
    [((218, 170), 18), ((218, 174), 18), ((218, 180), 18), ((108, 84), 9), ((54, 42), 4)],
)
def test_the_disk_scales_with_the_matrix(shape: tuple[int, int], radius: int) -> None:
    assert disk_radius(shape, 0.0273) == radius


def brute_force(mask: np.ndarray) -> int:
    """Return the samples of the largest full rectangle or disk around the middle."""
    n_ky, n_kz = mask.shape
    y, z = n_ky // 2, n_kz // 2
    best = 0
    for top in range(y + 1):
        for bottom in range(y, n_ky):
            for left in range(z + 1):
                for right in range(z, n_kz):
                    part = mask[top : bottom + 1, left : right + 1]
                    best = max(best, part.size if part.all() else 0)
    rows, columns = np.indices(mask.shape)
    squares = (rows - y) ** 2 + (columns - z) ** 2
    for square in range(1, int(squares.max()) + 2):
        inside = squares < square
        best = max(best, int(inside.sum()) if mask[inside].all() else 0)
    return best


@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(1, 8), st.floats(0.5, 1))
def test_the_largest_region_is_found(seed: int, n_ky: int, n_kz: int, density: float) -> None:
    mask = np.random.default_rng(seed).random((n_ky, n_kz)) < density
    found = sampled_centre(mask)
    assert not (found & ~mask).any()
    assert found.sum() == brute_force(mask)
    if found.any():
        assert found[n_ky // 2, n_kz // 2]


def test_disk_and_band_are_told_apart() -> None:
    round_one = disk((40, 30), 6)
    np.testing.assert_array_equal(sampled_centre(round_one), round_one)
    band = np.zeros((40, 30), bool)
    band[17:23, :25] = True
    np.testing.assert_array_equal(sampled_centre(band), band)
