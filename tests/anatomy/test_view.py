"""Fields of view, coarse labels and true volumes."""

from collections import defaultdict
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.anatomy.tissue import MUSCLE_SKIN
from stages.anatomy.view import (
    brain_only,
    extend_neck,
    fine_centre,
    fine_shape,
    majority,
    place,
    true_volumes,
)
from stages.study.structures import SYNTHSEG_NAMES


def vote(labels: np.ndarray, centre: tuple[int, ...], factor: int) -> set[int]:
    """Labels with most of the volume of a coarse voxel, from sub-voxels of a tenth of a mm."""
    weight: dict[int, float] = defaultdict(float)
    reach = range(-factor // 2, factor // 2 + 1)
    for offset in product(reach, repeat=3):
        overlap = 1.0
        for o in offset:
            overlap *= max(0, min(o + 0.5, factor / 2) - max(o - 0.5, -factor / 2))
        at = tuple(
            np.clip(c + o, 0, n - 1) for c, o, n in zip(centre, offset, labels.shape, strict=True)
        )
        weight[int(labels[at])] += overlap
    best = max(weight.values())
    return {label for label, w in weight.items() if w > best - 1e-6}


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 100), factor=st.integers(1, 4))
def test_majority_against_overlap(seed: int, factor: int) -> None:
    grid = (3, 4, 3)
    labels = np.random.default_rng(seed).integers(0, 4, fine_shape(grid, factor)).astype(np.uint16)
    coarse = majority(labels, grid, factor)
    assert coarse.dtype == labels.dtype
    for at in np.ndindex(grid):
        assert int(coarse[at]) in vote(labels, tuple(factor * i for i in at), factor)


def test_majority_of_one_mm_is_the_map() -> None:
    labels = np.random.default_rng(0).integers(0, 60, (5, 6, 7)).astype(np.uint16)
    assert np.array_equal(majority(labels, labels.shape, 1), labels)


@given(n=st.integers(4, 20), bigger=st.integers(0, 15), odd=st.booleans())
def test_place_and_crop_back(n: int, bigger: int, odd: bool) -> None:
    labels = np.arange(1, n**3 + 1).reshape(n, n, n)
    size = n + bigger + odd
    placed = place(labels, (n // 2,) * 3, (size,) * 3, (size // 2,) * 3)
    assert placed.sum() == labels.sum()
    back = place(placed, (size // 2,) * 3, (n,) * 3, (n // 2,) * 3)
    assert np.array_equal(back, labels)


def test_centres_agree() -> None:
    assert fine_centre((96, 109, 84), 2) == (96, 108, 84)


def test_neck_goes_on_but_a_bare_brain_does_not() -> None:
    labels = np.zeros((6, 4, 4), np.uint16)
    labels[2:5, 1:3, 1:3] = 2
    assert np.array_equal(extend_neck(labels), labels)
    labels[2, 0, 0] = MUSCLE_SKIN
    extended = extend_neck(labels)
    assert np.array_equal(extended[0], labels[2])
    assert np.array_equal(extended[2:], labels[2:])


def test_volumes_and_brain() -> None:
    labels = np.zeros((5, 5, 5), np.uint16)
    labels[0], labels[1, 0], labels[2] = 2, 60, 507
    volumes = true_volumes(labels)
    assert tuple(volumes) == SYNTHSEG_NAMES
    assert volumes["left cerebral white matter"] == 25
    assert volumes["right ventral DC"] == 5
    assert sum(volumes.values()) == 30
    assert set(np.unique(brain_only(labels))) == {0, 2, 60}


def test_volume_of_a_small_label_map() -> None:
    assert sum(true_volumes(np.zeros((3, 3, 3), np.uint16)).values()) == pytest.approx(0)
