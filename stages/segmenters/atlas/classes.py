"""Which tissues have one Gaussian of the mixture: those of about one T1-weighted signal.

As in Puonti et al. 2016, doi:10.1016/j.neuroimage.2016.09.011: small structures lend each other
voxels, and CSF is one class wherever it is.
"""

from collections.abc import Sequence

import numpy as np

from stages.study.structures import MERGED

CLASSES = (
    (4, 5, 14, 15, 24),  # fluid
    (2, 7),  # white matter
    (3, 8),  # cortex
    (17, 18),
    (11, 26),
)
"""Labels, left or midline; every other structure is a class by itself."""
AIR, BONE_AIR = 0, 515
LANDMARKS = (24, 3, 2)
"""Labels in classes whose means lie far apart, darkest first: those of all other classes of the
brain lie between or near them, where the tabulated signals say."""


def class_of(label: int) -> int:
    """Return the label that stands for the class of a tissue."""
    label = MERGED.get(label, label)
    if label == BONE_AIR:
        return AIR
    return next((labels[0] for labels in CLASSES if label in labels), label)


def numbered(labels: list[int]) -> list[int]:
    """Return the number of the class of every tissue, in the order in which classes appear."""
    each = [class_of(label) for label in labels]
    order = list(dict.fromkeys(each))
    return [order.index(label) for label in each]


def places(
    signals: Sequence[float], classes: Sequence[int], channels: Sequence[int], labels: Sequence[int]
) -> np.ndarray:
    """Return the weights (classes, classes) of the landmarks' means for each class's.

    Linear interpolation of the tabulated signals. NaN for the landmarks and outside the brain.

    Args:
        signals, classes, channels: of every tissue.
        labels: of every channel.
    """
    n = max(classes) + 1
    signal, inside = np.zeros(n), np.zeros(n, bool)
    for number, value, channel in zip(classes, signals, channels, strict=True):
        signal[number] = value  # the last tissue of a class stands for it
        inside[number] |= channel > 0
    own = {labels[c]: number for c, number in zip(channels, classes, strict=True) if c}
    marks = [own[label] for label in LANDMARKS if label in own]
    result = np.full((n, n), np.nan)
    if len(marks) < len(LANDMARKS):
        return result
    marks.sort(key=lambda number: signal[number])
    for number in np.flatnonzero(inside).tolist():
        if number in marks:
            continue
        low, high = marks[:2] if signal[number] < signal[marks[1]] else marks[1:]
        share = (signal[number] - signal[low]) / (signal[high] - signal[low])
        result[number] = 0
        result[number, [low, high]] = 1 - share, share
    return result
