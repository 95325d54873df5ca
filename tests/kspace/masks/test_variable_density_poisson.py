"""Variable-density Poisson-disk masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.kspace.masks.search import MaskOptions
from stages.kspace.masks.variable_density_poisson import draw_mask

SHAPE, N_ACQUIRED = (54, 42), 36
OPTIONS = MaskOptions(4.0, "acquired", 0.03, 0.01)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    acceleration=st.floats(2.0, 8.0),
    of=st.sampled_from(["acquired", "full"]),
    n_acquired=st.integers(34, 42),
)
def test_every_mask_is_as_asked(seed: int, acceleration: float, of: str, n_acquired: int) -> None:
    drawn = draw_mask(SHAPE, n_acquired, MaskOptions(acceleration, of, 0.03, 0.01), seed)
    counted = SHAPE[0] * (n_acquired if of == "acquired" else SHAPE[1])
    assert counted / drawn.mask.sum() == pytest.approx(acceleration, rel=0.01)
    assert drawn.acceleration(of) == pytest.approx(acceleration, rel=0.01)
    assert not drawn.mask[:, n_acquired:].any()
    assert drawn.mask[drawn.calibration].all()
    assert drawn.calibration.any()


def test_both_accelerations_are_counted() -> None:
    drawn = draw_mask(SHAPE, N_ACQUIRED, OPTIONS, 1)
    n_sampled = drawn.mask.sum()
    assert drawn.acceleration_acquired == SHAPE[0] * N_ACQUIRED / n_sampled
    assert drawn.acceleration_full == SHAPE[0] * SHAPE[1] / n_sampled


def test_the_calibration_region_is_a_disk_in_the_middle() -> None:
    disk = draw_mask(SHAPE, N_ACQUIRED, OPTIONS, 1).calibration
    radius = int(np.sqrt(np.prod(SHAPE) * OPTIONS.center_fraction / np.pi))
    y, z = np.indices(SHAPE)
    np.testing.assert_array_equal(disk, (y - 27) ** 2 + (z - 21) ** 2 < radius**2)


def test_the_centre_is_sampled_more_densely() -> None:
    masks = np.mean([draw_mask(SHAPE, N_ACQUIRED, OPTIONS, s).mask for s in range(4)], axis=0)
    y, z = np.indices(SHAPE)
    distance = np.hypot((y - 27) / 27, (z - 21) / 21)
    ring = masks[(distance > 0.35) & (distance < 0.5)].mean()
    corner = masks[(distance > 0.9) & (z < N_ACQUIRED)].mean()
    assert ring > 1.5 * corner


def test_a_seed_is_a_mask() -> None:
    one, same, other = (draw_mask(SHAPE, N_ACQUIRED, OPTIONS, s).mask for s in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
