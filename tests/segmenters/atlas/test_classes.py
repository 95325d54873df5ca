"""Classes of the mixture: what shares one, and their numbers."""

from stages.segmenters.atlas.classes import class_of, numbered


def test_left_and_right_and_all_fluid_share_a_class() -> None:
    assert {class_of(label) for label in (4, 5, 14, 15, 24, 43, 44)} == {4}
    assert class_of(10) == class_of(49) == 10
    assert class_of(515) == class_of(0) == 0


def test_classes_are_numbered_as_they_appear() -> None:
    assert numbered([0, 2, 3, 24, 41, 14, 515, 16]) == [0, 1, 2, 3, 1, 3, 0, 4]
