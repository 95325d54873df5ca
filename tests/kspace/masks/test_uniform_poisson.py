"""Poisson-disk masks of constant density, against the measured profile of the challenge's files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.kspace.masks.centre import disk
from stages.kspace.masks.search import MaskOptions
from stages.kspace.masks.uniform_poisson import CELL, Darts, draw_mask

SHAPE, N_ACQUIRED = (54, 42), 36
OPTIONS = MaskOptions(4.0, "acquired", 0.03, 0.01)
ACQUIRED = {170: 145, 174: 148, 180: 153}
RINGS = ((18, 22), (22, 26), (32, 40), (50, 60), (75, 90), (90, 110), (110, 140))
# measured on the official files, about the centre of their disks: the same in all rings
OFFICIAL = {5: 0.174, 10: 0.070}


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    acceleration=st.floats(1.5, 9.0),
    of=st.sampled_from(["acquired", "full"]),
    n_acquired=st.integers(34, 42),
)
def test_every_mask_is_as_asked(seed: int, acceleration: float, of: str, n_acquired: int) -> None:
    drawn = draw_mask(SHAPE, n_acquired, MaskOptions(acceleration, of, 0.03, 0.01), seed)
    counted = SHAPE[0] * (n_acquired if of == "acquired" else SHAPE[1])
    assert counted / drawn.mask.sum() == pytest.approx(acceleration, rel=0.01)
    assert not drawn.mask[:, n_acquired:].any()
    np.testing.assert_array_equal(drawn.calibration, disk(SHAPE, 5))
    assert drawn.mask[drawn.calibration].all()


@pytest.mark.parametrize(("width", "acceleration"), [(170, 5), (180, 10)])
def test_the_profile_is_that_of_the_official_files(width: int, acceleration: int) -> None:
    options = MaskOptions(acceleration, "acquired", 0.0273, 0.01)
    drawn = [draw_mask((218, width), ACQUIRED[width], options, seed) for seed in range(2)]
    probability = np.mean([one.mask for one in drawn], axis=0)
    y, z = np.indices((218, width))
    distance = np.hypot(y - 109, z - width // 2)
    assert (probability[distance < 18] == 1).all()
    assert drawn[0].calibration.sum() == 1005
    for low, high in RINGS:
        ring = (low <= distance) & (distance < high) & (z < ACQUIRED[width])
        tolerance = max(0.02, 4 * (OFFICIAL[acceleration] / (2 * ring.sum())) ** 0.5)
        assert probability[ring].mean() == pytest.approx(OFFICIAL[acceleration], abs=tolerance)
    assert not probability[:, ACQUIRED[width] :].any()
    assert all(one.acceleration_acquired == pytest.approx(acceleration, rel=0.01) for one in drawn)


def test_edges_have_the_density_of_the_middle() -> None:
    options = MaskOptions(4.0, "acquired", 0.01, 0.01)
    masks = np.mean([draw_mask((40, 40), 40, options, seed).mask for seed in range(40)], axis=0)
    rim = np.concatenate([masks[0], masks[-1], masks[1:-1, 0], masks[1:-1, -1]])
    standard_error = (0.25 * 0.75 / (40 * len(rim))) ** 0.5  # of independent samples: larger
    assert rim.mean() == pytest.approx(masks[15:25, 2:12].mean(), abs=5 * standard_error)


def slowly_kept(darts: Darts, squared: int) -> np.ndarray:
    """Return what is kept, each dart compared with all that were kept before it."""
    kept: list[tuple[int, int]] = []
    found = np.zeros(darts.row.shape, bool)
    for index in darts.order:
        y, z = np.unravel_index(index, found.shape)
        place = int(darts.row[y, z]), int(darts.column[y, z])
        if all((place[0] - a) ** 2 + (place[1] - b) ** 2 >= squared for a, b in kept):
            kept.append(place)
            found[y, z] = True
    return found


@given(st.integers(0, 1000), st.integers(1, 14), st.integers(1, 14), st.floats(0.0, 6.0))
def test_no_two_kept_darts_are_too_near(seed: int, n: int, m: int, cells: float) -> None:
    darts, squared = Darts.thrown((n, m), seed), int((cells * CELL) ** 2)
    np.testing.assert_array_equal(darts.kept(squared), slowly_kept(darts, squared))


def test_every_dart_lies_in_its_cell() -> None:
    darts = Darts.thrown((30, 20), 3)
    np.testing.assert_array_equal(darts.row // CELL, np.indices((30, 20))[0])
    np.testing.assert_array_equal(darts.column // CELL, np.indices((30, 20))[1])
    assert sorted(darts.order) == list(range(600))


def test_a_seed_is_a_mask() -> None:
    one, same, other = (draw_mask(SHAPE, N_ACQUIRED, OPTIONS, s).mask for s in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_few_samples_around_the_disk() -> None:
    drawn = draw_mask(SHAPE, N_ACQUIRED, MaskOptions(27.0, "acquired", 0.03, 0.02), 0)
    assert drawn.calibration.sum() < drawn.mask.sum() <= 73
