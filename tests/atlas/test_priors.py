"""Building: shares against a loop, and the box of the brain."""

import numpy as np
import pytest

from stages.atlas.priors import brain_box, mean, shares
from tests.tolerances import assert_rounded


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_shares_are_what_a_loop_counts(factor: int) -> None:
    tissues = np.random.default_rng(0).integers(0, 4, (7, 6, 8)).astype(np.uint8)
    found = shares(tissues, factor, 4)
    assert found.shape == (7 // factor, 6 // factor, 8 // factor, 4)
    for index in np.ndindex(found.shape[:3]):
        block = tissues[tuple(slice(i * factor, (i + 1) * factor) for i in index)]
        expected = [np.mean(block == k) for k in range(4)]
        assert_rounded(found[index], expected, 2)  # a count, exact, divided


def test_the_mean_of_parts() -> None:
    parts = [np.full((2, 2), value, np.float32) for value in (1.0, 2.0, 6.0)]
    np.testing.assert_array_equal(mean(iter(parts)), np.full((2, 2), 3.0))


def test_the_box_holds_the_brain_and_its_margin() -> None:
    average = np.zeros((12, 10, 8, 3), np.float32)
    average[4:7, 2:5, 1:8, 2] = 0.5
    average[0, 0, 0, 1] = 1.0  # not of the brain
    box = brain_box(average, np.array([False, False, True]), 2)
    assert box == (slice(2, 9), slice(0, 7), slice(0, 8))
