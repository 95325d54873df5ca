"""Cleaning of posteriors against plain definitions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.segmenters.synthseg import postprocess
from tests.tolerances import assert_rounded, rounding

pytestmark = pytest.mark.kernels


def flood(mask, seed):
    """Voxels connected to `seed` through faces."""
    part, todo = set(), [seed]
    while todo:
        voxel = todo.pop()
        if voxel in part or not all(0 <= v < n for v, n in zip(voxel, mask.shape, strict=True)):
            continue
        if mask[voxel]:
            part.add(voxel)
            for axis in range(3):
                for step in (-1, 1):
                    todo.append(tuple(v + step * (a == axis) for a, v in enumerate(voxel)))
    return part


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 0.7))
def test_largest_component_is_the_largest_flood(seed, density):
    mask = np.random.default_rng(seed).random((4, 5, 3)) < density
    found = postprocess.largest_component(mask)
    sizes = [len(flood(mask, tuple(voxel))) for voxel in np.argwhere(mask)]
    assert not (found & ~mask).any()
    assert found.sum() == max(sizes, default=0)
    if found.any():
        assert flood(mask, tuple(np.argwhere(found)[0])) == {tuple(v) for v in np.argwhere(found)}


def posteriors(seed=0, channels=4, shape=(6, 5, 4)):
    logits = torch.randn(channels, *shape, generator=torch.Generator().manual_seed(seed))
    return (2 * logits).softmax(0)


def cleaned(p, inside, **options):
    """The whole image after post-processing: background around the box of the structures."""
    sides = [len(range(*where.indices(n))) for where, n in zip(inside, p.shape[1:], strict=True)]
    whole = torch.zeros(len(p), *sides)
    whole[0] = 1
    part, box = postprocess.clean(p, inside, **options)
    whole[(slice(None), *box)] = part
    return whole


def test_only_the_largest_part_survives_and_background_stays():
    p = torch.zeros(3, 8, 4, 4)
    p[0] = 1
    for cut, channel in ((slice(0, 2), 1), (slice(4, 8), 2)):
        p[0, cut], p[channel, cut] = 0.1, 0.9
    whole = (slice(None),) * 3
    clean = cleaned(p, whole, floor=0.2)
    assert (clean[1] == 0).all()
    assert clean[0, :2].eq(1).all()  # what was dropped is background now
    assert clean[2, 4:].allclose(torch.tensor(0.9))


def test_small_posteriors_are_dropped_and_the_rest_sums_to_one():
    p = posteriors()
    before = p.clone()
    clean = cleaned(p, (slice(None),) * 3, floor=0.2)
    assert_rounded(clean.sum(0), torch.ones(clean.shape[1:]), 2 * len(clean))
    assert not ((clean[1:] > 0) & (before[1:] <= 0.2)).any()


def test_floor_zero_drops_nothing():
    p = posteriors()
    expected = p.clone()
    expected[1:] *= torch.from_numpy(
        postprocess.largest_component((expected[1:].sum(0) > 0.25).numpy())
    )
    clean = cleaned(p, (slice(None),) * 3, floor=0.0)
    assert_rounded(clean, expected / expected.sum(0), len(clean) + 1)


def plainly(p, inside, topology, floor):
    """The recipe word by word: one full volume after the other."""
    p = p.numpy().astype(np.float64)
    cut = (slice(None), *inside)
    if not topology:
        p = p[cut]
    p[1:] *= postprocess.largest_component(p[1:].sum(0) > 0.25)
    for number in set(topology) - {0}:
        members = [c for c, own in enumerate(topology) if own == number]
        kept = postprocess.largest_component((p[members] > 0.25).any(0))
        p[members] *= kept
    if topology:
        p = p[cut]
    else:
        p[1:][p[1:] <= floor] = 0
    total = p.sum(0)
    p[0][total == 0] = 1
    return p / np.where(total > 0, total, 1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    topology=st.lists(st.integers(0, 3), min_size=4, max_size=4) | st.just([]),
    floor=st.floats(0, 0.4),
    margin=st.tuples(*[st.integers(0, 2)] * 3),
)
def test_equals_the_recipe_word_by_word(seed, topology, floor, margin):
    if topology:
        topology[0] = 0
    p = posteriors(seed, shape=(7, 6, 5))
    inside = tuple(slice(m, n - m) for m, n in zip(margin, p.shape[1:], strict=True))
    expected = plainly(p.clone(), inside, tuple(topology), floor)
    found = cleaned(p, inside, topology=tuple(topology), floor=floor)
    assert_rounded(found, expected, len(found) + 1)


@given(st.integers(0, 10_000))
def test_bounding_boxes_hold_every_bit_and_no_empty_border(seed):
    rng = np.random.default_rng(seed)
    bits = np.where(rng.random((5, 4, 6)) < 0.1, rng.integers(0, 1 << 24, (5, 4, 6)), 0)
    bits = bits.astype(np.int32)
    boxes = postprocess.bounding_boxes(bits)
    for number in range(31):
        where = np.argwhere(bits >> number & 1)
        if len(where) == 0:
            assert number not in boxes
            continue
        low, high = where.min(0), where.max(0) + 1
        assert boxes[number] == tuple(slice(a, b) for a, b in zip(low, high, strict=True))


def test_standard_cleans_before_and_others_after_the_cut():
    p = torch.zeros(2, 8, 2, 2)
    p[0] = 1
    p[0, 0:3], p[1, 0:3] = 0, 1  # larger, but in the padding
    p[0, 5:7], p[1, 5:7] = 0, 1
    inside = (slice(4, 8), slice(0, 2), slice(0, 2))
    robust = cleaned(p.clone(), inside, floor=0.2)
    standard = cleaned(p.clone(), inside, topology=(0, 1), floor=0.2)
    assert robust[1].sum() == 8 and standard[1].sum() == 0


def test_the_box_holds_the_structures_and_no_more():
    p = torch.zeros(2, 8, 6, 5)
    p[0] = 1
    p[0, 2:4, 1:6, 3], p[1, 2:4, 1:6, 3] = 0.5, 0.5
    part, box = postprocess.clean(p, (slice(1, 8), slice(0, 6), slice(0, 5)), floor=0.2)
    assert box == (slice(1, 3), slice(1, 6), slice(3, 4))
    assert part.shape == (2, 2, 5, 1) and part.eq(0.5).all()
    nothing = torch.zeros(2, 4, 4, 4)
    nothing[0] = 1
    part, _ = postprocess.clean(nothing, (slice(None),) * 3, floor=0.2)
    assert part[0].eq(1).all() and not part[1].any()


def test_empty_posteriors_become_background():
    clean = postprocess.renormalise(torch.zeros(3, 2, 2, 2))
    assert clean[0].eq(1).all() and not clean[1:].any()


def test_labels_and_volumes():
    p = posteriors(channels=3).permute(0, 3, 2, 1)  # not contiguous
    labels = postprocess.label_map(p, (0, 7, 24))
    assert labels.dtype == np.int32 and labels.shape == (4, 5, 6)
    assert np.array_equal(labels, np.array([0, 7, 24])[p.numpy().argmax(0)])
    volumes = postprocess.volumes(p, np.array([1.0, 2.0, 1.5]))
    expected = p.numpy().astype(np.float64)[1:].sum((1, 2, 3)) * 3
    assert volumes == pytest.approx(expected, rel=2 * rounding(p[0].numel(), float))
