"""Agreement of segmentations: oracles, loops, and distance transforms of whole boxes."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.stats import entropy

from stages.measures.agreement import (
    count_votes,
    majority,
    mean_surface_distances,
    overlaps,
    pairwise_dice,
    surface_distances,
    surfaces,
    vote_entropy,
)
from stages.measures.voxelwise import flat, number_bits

VOXEL = (1.0, 1.0, 1.0)
stacks = arrays(bool, st.tuples(st.integers(2, 5), st.integers(1, 30)))
boxes = arrays(bool, (2, 4, 5, 3))
N_STRUCTURES = 3
# by turns sparse and dense, so that borders touch the volume's outside and structures are absent
maps = arrays(
    np.uint8,
    st.tuples(st.integers(1, 5), *[st.integers(1, 5)] * 3),
    elements=st.integers(0, N_STRUCTURES),
)


def surface(mask: np.ndarray) -> np.ndarray:
    """Return the voxels of a mask with a face to its outside."""
    return mask & ~binary_erosion(mask)


def surface_distance(first, second, voxel_size_mm=VOXEL) -> float:
    """Return the distance of the surfaces of two masks."""
    pair = (surfaces(mask.astype(np.uint8), 1) for mask in (first, second))
    return float(surface_distances(*pair, voxel_size_mm)[0])


def mean_surface_distance(masks, voxel_size_mm=VOXEL) -> float:
    """Return the mean distance of members to their majority."""
    votes = count_votes(list(masks.astype(np.uint8)), 1)
    return float(mean_surface_distances(votes, voxel_size_mm, 1)[0])


def test_identical_members_agree_fully():
    mask = np.zeros((6, 6, 6), bool)
    mask[1:5, 2:5, 2:4] = True
    masks = np.stack([mask] * 3)
    assert pairwise_dice(masks.reshape(3, -1)) == 1
    assert vote_entropy(masks.reshape(3, -1)) == 0
    assert mean_surface_distance(masks) == 0


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


@given(stacks)
def test_voxels_that_all_hold_need_only_be_counted(masks):
    common = masks.all(axis=0)
    rest, n_common = masks[:, ~common], int(common.sum())
    expected = pairwise_dice(masks), vote_entropy(masks)
    found = pairwise_dice(rest, n_common), vote_entropy(rest, n_common)
    assert found == pytest.approx(expected, nan_ok=True)


@given(boxes, st.sampled_from([VOXEL, (2.0, 1.0, 0.5)]))
def test_distances_are_those_of_a_distance_transform(masks, voxel_size_mm):
    found = surface_distance(*masks, voxel_size_mm)
    first, second = map(surface, masks)
    if not (first.any() and second.any()):
        assert np.isnan(found)
        return
    to_first, to_second = (
        distance_transform_edt(~s, sampling=voxel_size_mm) for s in (first, second)
    )
    expected = np.concatenate([to_second[first], to_first[second]]).mean()
    assert found == pytest.approx(expected)
    assert surface_distance(*masks[::-1], voxel_size_mm) == pytest.approx(expected)


@pytest.mark.parametrize("voxel_size_mm", [VOXEL, (2.0, 1.0, 0.5)])
def test_far_and_near_surfaces_of_many_structures(voxel_size_mm):
    numbers = np.zeros((2, 20, 18, 16), np.uint8)
    generator = np.random.default_rng(0)
    for own in numbers:
        for number in (1, 2, 3):
            own[tuple(generator.integers(0, n, 6) for n in own.shape)] = number
    found = surface_distances(*(surfaces(own, 4) for own in numbers), voxel_size_mm)
    for number in (1, 2, 3):
        expected = surface_distance(*(numbers == number), voxel_size_mm)
        points = [np.argwhere(own == number) * voxel_size_mm for own in numbers]
        apart = np.linalg.norm(points[0][:, None] - points[1], axis=2)
        expected = (apart.min(axis=0).sum() + apart.min(axis=1).sum()) / sum(map(len, points))
        assert found[number - 1] == pytest.approx(expected)
    assert np.isnan(found[3])


def test_parallel_planes_are_as_far_apart_as_they_are():
    planes = np.zeros((2, 12, 4, 4), bool)
    for far in (5, 9):
        planes[0, 2], planes[1] = True, np.arange(12)[:, None, None] == far
        found = surface_distance(*planes, (1.5, 1.0, 1.0))
        assert found == pytest.approx(1.5 * (far - 2))


@given(arrays(np.uint8, st.tuples(st.integers(1, 7), st.just(5)), elements=st.integers(0, 2)))
def test_more_than_half_is_a_majority(numbers):
    for found, votes in zip(majority(numbers), numbers.T, strict=True):
        times = np.bincount(votes)
        expected = np.argmax(times) if 2 * times.max() > len(votes) else 0
        assert found == expected


@given(maps, st.integers(0, 2))
def test_votes_hold_all_that_the_members_say(numbers, margin):
    votes = count_votes(list(numbers), margin)
    assert votes.numbers.shape == (len(numbers), len(votes.disputed))
    for own, said in zip(numbers, votes.numbers, strict=True):
        assert np.array_equal(votes.volume(said), own[votes.box])
    assert np.array_equal(votes.union(), numbers.any(axis=0)[votes.box])
    assert votes.union().sum() == numbers.any(axis=0).sum()
    bits = np.bitwise_or.reduce(number_bits(numbers))
    assert np.array_equal(votes.bits(), bits[votes.box])
    inside = np.flatnonzero(flat(votes.union()))
    assert np.array_equal(votes.positions(inside), np.flatnonzero(flat(numbers.any(axis=0))))


@given(maps)
def test_all_structures_at_once_are_those_of_each(numbers):
    votes = count_votes(list(numbers), 1)
    distances = mean_surface_distances(votes, VOXEL, N_STRUCTURES)
    for number, found in enumerate(overlaps(votes, N_STRUCTURES), start=1):
        masks = numbers == number
        flat_masks = masks.reshape(len(masks), -1)
        expected = pairwise_dice(flat_masks), vote_entropy(flat_masks)
        assert found == pytest.approx(expected, nan_ok=True)
        alone = mean_surface_distance(masks)
        assert distances[number - 1] == pytest.approx(alone, nan_ok=True)


def test_the_box_has_its_margin_and_stays_inside():
    numbers = np.zeros((2, 12, 12, 12), np.uint8)
    numbers[0, 5, 5, 5] = numbers[1, 6, 5, 11] = 1
    votes = count_votes(list(numbers), 3)
    assert votes.box == (slice(2, 10), slice(2, 9), slice(2, 12))
    with pytest.raises(ValueError, match="at least one label map"):
        count_votes([], 3)


def test_one_member_off_by_a_voxel():
    masks = np.zeros((3, 12, 5, 5), bool)
    masks[:2, 2:8], masks[2, 2:9] = True, True
    expected = surface_distance(masks[2], masks[0]) / 3
    assert mean_surface_distance(masks) == pytest.approx(expected)
    assert expected > 0


def test_empty_members_are_left_out_and_all_empty_is_undefined():
    masks = np.zeros((3, 4, 4, 4), bool)
    assert np.isnan(mean_surface_distance(masks))
    assert np.isnan(pairwise_dice(masks.reshape(3, -1)))
    masks[:2, 1:3, 1:3, 1:3] = True
    assert mean_surface_distance(masks) == 0
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
