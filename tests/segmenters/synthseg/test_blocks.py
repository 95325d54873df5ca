"""Blocks change nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.machine.parallel import threads
from stages.segmenters.synthseg.blocks import Box, Skip, boxes, clear_outside, cut, evaluate, whole
from stages.segmenters.synthseg.fused import FusedUNet
from stages.segmenters.synthseg.network import Architecture
from stages.segmenters.synthseg.posteriors import robust
from tests.segmenters.conftest import exactly, nearby, random_network
from tests.segmenters.synthseg import official
from tests.tolerances import assert_not_farther


@pytest.mark.kernels
@settings(max_examples=20, deadline=None)
@given(
    features=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    kernel=st.sampled_from([1, 3, 5, 7]),
    sides=st.tuples(*[st.integers(1, 4)] * 3),
    side=st.sampled_from([4, 8, 12, 64]),
    data=st.data(),
)
def test_equals_the_whole_volume(features, kernel, sides, side, data):
    skips = tuple(data.draw(st.booleans()) for _ in features[1:])
    literal = random_network(Architecture(2, 3, tuple(features), kernel, skips))
    network = FusedUNet(literal)
    shape = [n * 2 ** (len(features) - 1) for n in sides]
    x = torch.randn(1, 2, *shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network(x)
        found = torch.full_like(expected, torch.nan)

        def write(where, logits):
            found[(..., *where)] = logits

        evaluate(network, x, side, write)
        near = [network(one) for one in nearby(x)]
        assert_not_farther(found, [expected, *near], exactly(literal, x))


def evaluated(network, x, side, n_threads):
    """Logits from blocks (side 0: whole) with a number of threads."""
    logits = []

    def write(where, part):
        if not logits:
            logits.append(part.new_full((1, part.shape[1], *x.shape[2:]), torch.nan))
        logits[0][(..., *where)] = part

    with threads(n_threads):
        evaluate(network, x, side, write) if side else whole(network, x, write)
    return logits[0]


KERNELS = pytest.mark.kernels
PREFIXES = ["unet", pytest.param("l2l", marks=KERNELS), pytest.param("unet2", marks=KERNELS)]


@pytest.mark.parametrize("prefix", PREFIXES)
@torch.inference_mode()
def test_official_widths_give_the_same_bits_for_any_block_and_any_threads(prefix):
    shape = official.architecture(prefix, "robust", official.WIDTH[prefix])
    network = FusedUNet(random_network(shape))
    x = torch.rand(1, shape.n_inputs, 64, 48, 48, generator=torch.Generator().manual_seed(0))
    expected = network(x)
    for side, n_threads in ((0, 3), (0, 7), (16, 1), (48, 3), (32, 2), (64, 5)):
        assert torch.equal(evaluated(network, x, side, n_threads), expected), (side, n_threads)


@pytest.mark.kernels
@pytest.mark.parametrize("side", [0, 16])
@torch.inference_mode()
def test_cascade_has_the_same_bits_for_any_threads(side):
    # three features: shares of the voxels that end within a vector
    networks = {
        prefix: FusedUNet(random_network(official.architecture(prefix, "robust", 3)))
        for prefix in official.WIDTH
    }
    x = torch.rand(1, 1, 48, 32, 32, generator=torch.Generator().manual_seed(0))

    def evaluation(network, image, write):
        evaluate(network, image, side, write) if side else whole(network, image, write)

    expected = robust(x, networks, evaluation)
    for n_threads in (2, 3, 5):
        with threads(n_threads):
            found = robust(x, networks, evaluation)
        assert torch.equal(found, expected)


@given(st.tuples(*[st.integers(1, 20)] * 3), st.integers(1, 9))
def test_boxes_fill_the_volume_once(shape, side):
    count = torch.zeros(shape)
    for box in boxes(shape, side):
        count[box.slices] += 1
        assert max(box.shape) <= side
    assert (count == 1).all()


@pytest.mark.parametrize("low", [(-2, 0, 1), (0, -1, -1), (1, 1, 1)])
def test_cutting_and_clearing_beyond_the_border(low):
    x = torch.rand(1, 2, 4, 5, 6)
    box = Box(low, tuple(a + n for a, n in zip(low, (6, 5, 6), strict=True)))
    padded = torch.nn.functional.pad(x, [9] * 6)
    expected = (
        padded[(..., *box.grown(0).slices)]
        if min(low) >= 9
        else padded[(..., *[slice(a + 9, b + 9) for a, b in zip(box.low, box.high, strict=True)])]
    )
    assert torch.equal(cut(x, box), expected)
    ones = torch.ones(1, 1, *box.shape)
    assert torch.equal(clear_outside(ones, box, (4, 5, 6)), cut(torch.ones(1, 1, 4, 5, 6), box))


@given(
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    side=st.integers(1, 5),
    low=st.tuples(*[st.integers(-3, 6)] * 3),
    size=st.tuples(*[st.integers(1, 8)] * 3),
)
def test_a_skip_in_chunks_is_cut_like_a_whole_one(shape, side, low, size):
    box = Box(low, tuple(a + n for a, n in zip(low, size, strict=True)))
    if any(a >= n or b <= 0 for a, b, n in zip(box.low, box.high, shape, strict=True)):
        return  # beside the volume: no block asks for that
    x = torch.rand(1, 2, *shape, generator=torch.Generator().manual_seed(0))
    skip = Skip(shape)
    for part in boxes(shape, side):
        skip.put(part, x[(..., *part.slices)])
    assert torch.equal(skip.cut(box), cut(x, box))
    skip.forget(max(box.low[0], 0))  # what the box does not need
    assert all(first + side > box.low[0] for first in skip.chunks)
    assert torch.equal(skip.cut(box), cut(x, box))
