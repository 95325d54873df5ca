"""The fast form is the same function."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from stages.synthseg.fused import FusedUNet, coarse_tap, first_taps, subpixel_kernels
from stages.synthseg.network import Architecture
from tests.synthseg.conftest import random_network


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
    torch.testing.assert_close(parts, expected, atol=1e-5, rtol=1e-5)


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
        expected = network(x)
        scale = float(expected.abs().max()) + 1
        torch.testing.assert_close(FusedUNet(network)(x), expected, atol=1e-5 * scale, rtol=1e-4)


def test_batches_and_input_are_left_alone():
    network = random_network(Architecture(1, 2, (2, 3)))
    fused = FusedUNet(network)
    x = torch.rand(2, 1, 4, 4, 8)
    before = x.clone()
    with torch.inference_mode():
        both = fused(x)
        torch.testing.assert_close(both[1:], fused(x[1:]))
    assert torch.equal(x, before)
    assert torch.isfinite(functional.softmax(both, 1)).all()
