"""From the voxels of a scan to those of 1 mm and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.implantation.fine_grid import FineGrid, resampled
from stages.storage.nifti import affine


def grid_of(shape: tuple[int, int, int], mm: tuple[float, float, float], codes: str) -> FineGrid:
    return FineGrid(shape, affine(shape, mm, codes))


def ball(shape: tuple[int, int, int], mm: tuple[float, ...], radius_mm: float) -> np.ndarray:
    """Return a ball in the middle of a field of view, boolean."""
    axes = [(np.arange(n) - n // 2) * size for n, size in zip(shape, mm, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    return z**2 + y**2 + x**2 < radius_mm**2


@settings(max_examples=30)
@given(
    n_given=st.integers(5, 24),
    n_wanted=st.integers(5, 24),
    frequency=st.integers(0, 2),
    phase=st.floats(0, 6),
)
def test_a_wave_that_both_grids_hold_is_itself(
    n_given: int, n_wanted: int, frequency: int, phase: float
) -> None:
    def wave(n: int) -> np.ndarray:
        return np.cos(2 * np.pi * frequency * np.arange(n) / n + phase).astype(np.float32)

    found = resampled(wave(n_given)[None], n_wanted, 1)
    np.testing.assert_allclose(found[0], wave(n_wanted), atol=1e-5)


@pytest.mark.parametrize("codes", ["SAR", "RAS", "LPI", "ASL"])
def test_anatomy_has_the_axes_of_the_phantoms_and_the_way_back_is_exact(codes: str) -> None:
    grid = grid_of((4, 5, 6), (1.0, 1.0, 1.0), codes)
    volume = np.arange(120).reshape(4, 5, 6)
    turned = grid.to_anatomy(volume)
    assert np.array_equal(grid.to_scan(turned), volume)
    # the value at the most superior, anterior, right voxel, by the letters alone
    ends = [-1 if code in "RAS" else 0 for code in codes]
    assert turned[-1, -1, -1] == volume[tuple(ends)]


def test_voxels_are_near_a_millimetre_and_volumes_stay() -> None:
    grid = grid_of((20, 40, 30), (4.0, 0.9, 1.1), "SAR")
    assert grid.shape == (80, 36, 33)
    assert grid.voxel_mm3 * np.prod(grid.shape) == pytest.approx(20 * 40 * 30 * 4.0 * 0.9 * 1.1)
    coarse = ball(grid.grid, (4.0, 0.9, 1.1), 14.0)
    fine = grid.refine(np.where(coarse, 17, 2))
    assert set(np.unique(fine)) == {2, 17}
    volume = (fine == 17).sum() * grid.voxel_mm3
    assert volume == pytest.approx(4 / 3 * np.pi * 14**3, rel=0.05)


def test_a_map_of_a_millimetre_is_taken_as_it_is() -> None:
    grid = grid_of((6, 7, 8), (1.0, 1.0, 1.0), "SAR")
    labels = np.random.default_rng(0).integers(0, 60, (6, 7, 8))
    assert np.array_equal(grid.refine(labels), labels)


def test_a_refined_ball_is_rounder_than_its_voxels() -> None:
    grid = grid_of((16, 16, 16), (3.0, 3.0, 3.0), "SAR")
    fine = grid.refine(ball(grid.grid, (3.0,) * 3, 12.0).astype(int))
    blocks = np.zeros(grid.shape, bool)
    where = np.rint(np.arange(48) / 3).astype(int) % 16
    blocks[:] = ball(grid.grid, (3.0,) * 3, 12.0)[np.ix_(where, where, where)]
    true = np.sqrt(sum(np.square(np.indices((48,) * 3) - 24.0))) < 12.0
    assert ((fine == 1) != true).sum() < (blocks != true).sum()


def test_coarsening_keeps_the_mean() -> None:
    grid = grid_of((8, 9, 10), (2.0, 2.0, 2.0), "SAR")
    volume = np.random.default_rng(0).random(grid.shape)
    assert grid.coarsen(volume).mean() == pytest.approx(volume.mean(), rel=1e-5)
