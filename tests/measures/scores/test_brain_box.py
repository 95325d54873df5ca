"""The box of the brain: where it lies, its scale and tissues."""

import numpy as np
import pytest

from stages.measures.scores.brain_box import brain_box
from stages.study.errors import StudyError

SHAPE = (6, 7, 8)


def labels() -> np.ndarray:
    """Return white matter beside cortex, and something that is no brain."""
    found = np.zeros(SHAPE, dtype=np.int32)
    found[1:3, 2:5, 3], found[2:4, 3:6, 4:7] = 2, 42
    found[5, 6, 7] = 258  # soft tissue
    return found


def test_the_box_holds_the_brain_and_its_largest_value_is_255():
    image = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    image[5, 6, 7] = 90
    box = brain_box(image, labels())
    assert box.place == (slice(1, 4), slice(2, 6), slice(3, 7))
    assert box.reference.max() == pytest.approx(255, rel=1e-15)
    np.testing.assert_array_equal(box.pair(image).image, box.reference)
    np.testing.assert_array_equal(box.pair(4 * image).image, 4 * box.reference)
    assert (box.white.sum(), box.grey.sum()) == (6, 18)
    assert not (box.white & box.grey).any()


@pytest.mark.parametrize(("image", "names"), [(np.ones(SHAPE), False), (np.zeros(SHAPE), True)])
def test_without_a_brain_there_is_no_box(image, names):
    with pytest.raises(StudyError, match="expected a segmented brain with signal"):
        brain_box(image, labels() * names)
