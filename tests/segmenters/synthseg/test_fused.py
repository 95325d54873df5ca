"""The fast form is the same function."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from stages.machine.parallel import threads
from stages.segmenters.synthseg.fused import (
    LAYOUT,
    FusedUNet,
    chunks,
    coarse_tap,
    convolve,
    first_taps,
    subpixel_kernels,
)
from stages.segmenters.synthseg.network import Architecture
from tests.segmenters.conftest import exactly, nearby, random_network
from tests.tolerances import assert_not_farther, assert_rounded


@given(st.sampled_from([1, 3, 5, 7, 9]), st.integers(0, 1), st.integers(-20, 20))
def test_every_fine_tap_reads_the_coarse_voxel_that_was_doubled(kernel, parity, position):
    fine = 2 * position + parity
    first = first_taps(kernel)[parity]
    for tap in range(kernel):
        read = fine + tap - kernel // 2
        found = coarse_tap(kernel, parity, tap)
        assert 0 <= found <= kernel // 2
        assert position + first + found == read // 2  # nearest neighbour: voxel n doubles n // 2


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_subpixel_kernels_sum_to_the_kernel(kernel):
    weight = torch.randn(4, 3, kernel, kernel, kernel)
    parts = subpixel_kernels(weight).reshape(8, 4, 3, -1).sum(-1)
    expected = weight.flatten(2).sum(-1).expand(8, 4, 3)
    scale = weight.abs().flatten(2).sum(-1).expand(8, 4, 3)
    assert_rounded(parts, expected, kernel**3, scale=scale)


@pytest.mark.kernels
@settings(max_examples=12, deadline=None)
@given(
    features=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    kernel=st.sampled_from([1, 3, 5, 7]),
    sides=st.tuples(*[st.integers(1, 3)] * 3),
    data=st.data(),
)
def test_equals_the_literal_network(features, kernel, sides, data):
    skips = tuple(data.draw(st.booleans()) for _ in features[1:])
    network = random_network(Architecture(2, 3, tuple(features), kernel, skips))
    shape = [side * 2 ** (len(features) - 1) for side in sides]
    x = torch.randn(1, 2, *shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        literal = [network(one) for one in (x, *nearby(x))]
        assert_not_farther(FusedUNet(network)(x), literal, exactly(network, x))


@pytest.mark.kernels
def test_batches_and_input_are_left_alone():
    network = random_network(Architecture(1, 2, (2, 3)))
    fused = FusedUNet(network)
    x = torch.rand(2, 1, 4, 4, 8)
    before = x.clone()
    with torch.inference_mode():
        both = fused(x)
        near = [fused(one)[1:] for one in nearby(x)]
        assert_not_farther(fused(x[1:]), [both[1:], *near], exactly(network, x)[1:])
    assert torch.equal(x, before)
    assert torch.isfinite(functional.softmax(both, 1)).all()


@given(st.tuples(*[st.integers(1, 100)] * 3))
def test_chunks_hold_every_plane_once_and_begin_at_even_ones(sides):
    found = chunks(sides)
    assert [n for where in found for n in range(sides[0])[where]] == list(range(sides[0]))
    assert all(where.start % 2 == 0 for where in found)


@pytest.mark.kernels
@pytest.mark.parametrize(
    ("inputs", "width", "sides"),
    [(384, 384, (6, 5, 4)), (192, 192, (16, 16, 16)), (3, 5, (34, 33, 31))],
)
@torch.inference_mode()
def test_a_convolution_has_the_same_bits_for_any_threads(inputs, width, sides):
    # oneDNN gives others: at (6, 5, 4) for 6 threads and at 16^3 for 4
    g = torch.Generator().manual_seed(0)
    x = torch.randn(1, inputs, *sides, generator=g).contiguous(memory_format=LAYOUT)
    weight = torch.randn(width, inputs, 3, 3, 3, generator=g) / (27 * inputs) ** 0.5
    weight = weight.contiguous(memory_format=LAYOUT)
    bias = torch.randn(width, generator=g)
    expected = convolve(x, weight, bias, 1, elu=True)
    direct = functional.elu(functional.conv3d(x, weight, bias, padding=1))
    moduli = functional.conv3d(x.abs(), weight.abs(), bias.abs(), padding=1)
    assert_rounded(expected, direct, 27 * inputs + 1, scale=moduli)  # an ELU adds nothing
    for n_threads in (2, 3, 4, 5, 6, 7):
        with threads(n_threads):
            assert torch.equal(convolve(x, weight, bias, 1, elu=True), expected)
