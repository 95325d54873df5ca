"""Doubling and joining against torch's own, values and gradients."""

import pytest
import torch
from torch.nn import functional

from stages.segmenters.synthseg.rearranging import doubled, joined


def drawn(*shape: int, last: bool) -> torch.Tensor:
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape))).double()
    return x.to(memory_format=torch.channels_last_3d) if last else x


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("n_batch", [1, 2])
def test_doubling(n_batch: int, last: bool) -> None:
    x = drawn(n_batch, 3, 2, 4, 3, last=last).requires_grad_()
    plain = functional.interpolate(x, scale_factor=2, mode="nearest")
    assert torch.equal(doubled(x), plain)
    grad = drawn(*plain.shape, last=last)
    (expected,) = torch.autograd.grad(plain, x, grad)
    (found,) = torch.autograd.grad(doubled(x), x, grad)
    torch.testing.assert_close(found, expected, rtol=0, atol=8 * 2.0**-50)
    assert torch.autograd.gradcheck(doubled, (x,))


@pytest.mark.parametrize("last", [True, False])
def test_joining(last: bool) -> None:
    pair = [drawn(2, n, 2, 3, 4, last=last).requires_grad_() for n in (2, 5)]
    plain = torch.cat(pair, 1)
    assert torch.equal(joined(*pair), plain)
    grad = drawn(*plain.shape, last=last)
    found = torch.autograd.grad(joined(*pair), pair, grad)
    for a, b in zip(found, torch.autograd.grad(plain, pair, grad), strict=True):
        assert torch.equal(a, b)
        assert a.is_contiguous(memory_format=torch.channels_last_3d)
