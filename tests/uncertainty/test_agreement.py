"""Agreement of segmentations: oracles, loops, and distance transforms of whole boxes."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt
from scipy.stats import entropy

from stages.uncertainty.agreement import (
    majority,
    mean_surface_distance,
    pairwise_dice,
    surface,
    surface_distance,
    vote_entropy,
)

VOXEL = (1.0, 1.0, 1.0)
stacks = arrays(bool, st.tuples(st.integers(2, 5), st.integers(1, 30)))
boxes = arrays(bool, (2, 4, 5, 3))


def test_identical_members_agree_fully():
    mask = np.zeros((6, 6, 6), bool)
    mask[1:5, 2:5, 2:4] = True
    masks = np.stack([mask] * 3)
    assert pairwise_dice(masks.reshape(3, -1)) == 1
    assert vote_entropy(masks.reshape(3, -1)) == 0
    assert mean_surface_distance(masks, VOXEL) == 0


def test_half_of_two_members():
    masks = np.array([[1, 1, 0, 0], [0, 1, 1, 0]], bool)
    assert pairwise_dice(masks) == 0.5
    assert vote_entropy(masks) == pytest.approx(2 / 3 * np.log(2))


@given(stacks)
def test_dice_is_that_of_a_loop_over_pairs(masks):
    pairs = [(a, b) for a, b in combinations(masks, 2) if a.any() or b.any()]
    if not pairs:
        assert np.isnan(pairwise_dice(masks))
        return
    expected = np.mean([2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in pairs])
    assert pairwise_dice(masks) == pytest.approx(expected)
    assert pairwise_dice(masks[::-1]) == pytest.approx(expected)


@given(stacks)
def test_entropy_is_scipys(masks):
    share = masks.mean(axis=0)
    share = share[share > 0]
    if not len(share):
        assert np.isnan(vote_entropy(masks))
        return
    expected = np.mean([entropy([p, 1 - p]) for p in share])
    assert vote_entropy(masks) == pytest.approx(expected)
    assert vote_entropy(np.concatenate([masks, masks])) == pytest.approx(expected)


@given(boxes, st.sampled_from([VOXEL, (2.0, 1.0, 0.5)]))
def test_distances_are_those_of_a_distance_transform(masks, voxel_size_mm):
    first, second = map(surface, masks)
    found = surface_distance(first, second, voxel_size_mm)
    if not (first.any() and second.any()):
        assert np.isnan(found)
        return
    to_first, to_second = (
        distance_transform_edt(~s, sampling=voxel_size_mm) for s in (first, second)
    )
    expected = np.concatenate([to_second[first], to_first[second]]).mean()
    assert found == pytest.approx(expected)
    assert surface_distance(second, first, voxel_size_mm) == pytest.approx(expected)


def test_parallel_planes_are_as_far_apart_as_they_are():
    planes = np.zeros((2, 9, 4, 4), bool)
    planes[0, 2], planes[1, 5] = True, True
    assert surface_distance(*map(surface, planes), (1.5, 1.0, 1.0)) == pytest.approx(4.5)


def test_more_than_half_is_a_majority():
    assert majority(np.array([[1, 1, 0], [1, 0, 0]], bool)).tolist() == [True, False, False]
    assert majority(np.array([[1, 1], [1, 0], [0, 1]], bool)).tolist() == [True, True]


def test_one_member_off_by_a_voxel():
    masks = np.zeros((3, 12, 5, 5), bool)
    masks[:2, 2:8], masks[2, 2:9] = True, True
    expected = surface_distance(surface(masks[2]), surface(masks[0]), VOXEL) / 3
    assert mean_surface_distance(masks, VOXEL) == pytest.approx(expected)
    assert expected > 0


def test_empty_members_are_left_out_and_all_empty_is_undefined():
    masks = np.zeros((3, 4, 4, 4), bool)
    assert np.isnan(mean_surface_distance(masks, VOXEL))
    assert np.isnan(pairwise_dice(masks.reshape(3, -1)))
    masks[:2, 1:3, 1:3, 1:3] = True
    assert mean_surface_distance(masks, VOXEL) == 0
    assert pairwise_dice(masks.reshape(3, -1)) == pytest.approx(1 / 3)


@pytest.mark.parametrize("n_members", [4, 8])
def test_entropy_and_dice_grow_with_the_noise_of_a_border(n_members):
    generator = np.random.default_rng(0)
    place = np.arange(200) - 100.0
    found = []
    for noise in (2.0, 8.0):
        masks = place[None] < generator.normal(0, noise, size=(n_members, 1))
        found.append((1 - pairwise_dice(masks), vote_entropy(masks)))
    assert found[1][0] > found[0][0] > 0
    assert found[1][1] > found[0][1] > 0
