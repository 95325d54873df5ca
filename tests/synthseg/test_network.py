"""The literal network against convolutions written by hand."""

from copy import deepcopy

import pytest
import torch
from scipy import ndimage

from stages.synthseg.network import Architecture, UNet, initialise
from tests.synthseg.conftest import nearby, random_network
from tests.tolerances import assert_not_farther


def convolve(x, layer):
    """Cross-correlation of (channels, x, y, z) with zeros outside, by scipy."""
    out = []
    for kernel, bias in zip(layer.weight, layer.bias, strict=True):
        pairs = zip(x, kernel, strict=True)
        parts = [ndimage.correlate(a.numpy(), k.numpy(), mode="constant") for a, k in pairs]
        out.append(torch.from_numpy(sum(parts)) + bias)
    return torch.stack(out)


def elu(x):
    return torch.where(x > 0, x, torch.exp(x.clamp(max=0)) - 1)


def normalise(x, norm):
    values = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    mean, variance, gain, offset = (v.reshape(-1, 1, 1, 1) for v in values)
    return (x - mean) / torch.sqrt(variance + 1e-3) * gain + offset


def by_hand(network, image):
    """Logits of two levels, in the precision of network and image."""
    down, bottom, up = network.down[0], network.down[1], network.up[0]
    skip = elu(convolve(elu(convolve(image, down.first)), down.second))
    coarse = normalise(skip, down.norm).reshape(2, 2, 2, 3, 2, 4, 2).amax((2, 4, 6))
    coarse = elu(convolve(elu(convolve(coarse, bottom.first)), bottom.second))
    coarse = normalise(coarse, bottom.norm)
    doubled = coarse.repeat_interleave(2, 1).repeat_interleave(2, 2).repeat_interleave(2, 3)
    joined = torch.cat([skip, doubled])
    fine = normalise(elu(convolve(elu(convolve(joined, up.first)), up.second)), up.norm)
    return convolve(fine, network.likelihood)


@pytest.mark.kernels
def test_skip_is_taken_before_the_batch_norm_and_comes_first():
    network = random_network(Architecture(1, 3, (2, 3)))
    image = torch.rand(1, 4, 6, 8, generator=torch.Generator().manual_seed(1))
    theirs = [by_hand(network, one) for one in (image, *nearby(image))]
    found = network(image[None])[0]
    truth = by_hand(deepcopy(network).double(), image.double())
    assert truth.dtype == torch.float64
    assert_not_farther(found, theirs, truth)


def test_published_sizes():
    wide = (24, 48, 96, 192, 384)
    with torch.device("meta"):
        standard = UNet(Architecture(1, 33, wide))
        groups = UNet(Architecture(1, 5, wide))
        skips = (False, False, True, True)
        denoiser = UNet(Architecture(5, 5, (16, 32, 64, 128, 256), 5, skips))
        structures = UNet(Architecture(6, 33, wide))

    def size(network):
        values = [*network.parameters(), *network.buffers()]
        return sum(v.numel() for v in values if v.ndim > 0)

    assert size(standard) == 13_242_849
    assert size(groups) + size(denoiser) + size(structures) == 53_574_739


@pytest.mark.parametrize(
    ("features", "kernel", "skips"), [((4,), 3, ()), ((4, 8), 4, ()), ((4, 8), 3, (True, True))]
)
def test_impossible_shapes_are_refused(features, kernel, skips):
    with pytest.raises(ValueError, match="kernel|levels"):
        Architecture(1, 2, features, kernel, skips)


def test_same_generator_same_network():
    first, second = (UNet(Architecture(1, 2, (2, 3))) for _ in range(2))
    for network in (first, second):
        initialise(network, torch.Generator().manual_seed(4))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
