"""Classes of the mixture: what shares one, and their numbers."""

import numpy as np
import pytest

from stages.segmenters.atlas.classes import class_of, numbered, places


def test_left_and_right_and_all_fluid_share_a_class() -> None:
    assert {class_of(label) for label in (4, 5, 14, 15, 24, 43, 44)} == {4}
    assert class_of(10) == class_of(49) == 10
    assert class_of(515) == class_of(0) == 0


def test_classes_are_numbered_as_they_appear() -> None:
    assert numbered([0, 2, 3, 24, 41, 14, 515, 16]) == [0, 1, 2, 3, 1, 3, 0, 4]


def test_means_lie_between_landmarks_where_the_signals_say() -> None:
    labels, signals = (0, 2, 3, 24, 10), (0.0, 1.0, 0.5, 0.1, 0.75)
    found = places((*signals, 0.3), (0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 0), labels)
    assert found[4] == pytest.approx([0, 0.5, 0.5, 0, 0, 0])
    assert np.isnan(found[[0, 1, 2, 3, 5]]).all()


def test_without_landmarks_nothing_is_expected() -> None:
    assert np.isnan(places((0.0, 1.0, 0.5), (0, 1, 2), (0, 1, 2), (0, 2, 3))).all()
