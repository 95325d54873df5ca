"""Replication padding."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from stages.recon.padding import EdgePadding, replace_padding

WIDTHS = st.tuples(*[st.integers(0, 3)] * 4)


@settings(max_examples=40, deadline=None)
@given(padding=WIDTHS, n_ky=st.integers(1, 5), n_kz=st.integers(1, 5))
def test_values_and_gradient_are_torchs(
    padding: tuple[int, int, int, int], n_ky: int, n_kz: int
) -> None:
    shape = (2, 3, n_ky, n_kz)
    image = torch.randn(shape, generator=torch.Generator().manual_seed(0), requires_grad=True)
    ours, theirs = EdgePadding(padding)(image), nn.ReplicationPad2d(padding)(image)
    assert torch.equal(ours, theirs)
    weights = torch.arange(ours.numel(), dtype=torch.float32).reshape(ours.shape)
    gradients = [torch.autograd.grad((out * weights).sum(), image)[0] for out in (ours, theirs)]
    assert torch.equal(*gradients)  # sums of small integers, exact in any order


def test_paddings_are_replaced_wherever_they_are() -> None:
    inner = nn.Sequential(nn.ReplicationPad2d(1), nn.Conv2d(1, 1, 3), nn.ReflectionPad2d(1))
    network = nn.Sequential(nn.ReplicationPad2d((2, 1, 0, 3)), nn.ModuleList([inner]))
    names = set(network.state_dict())
    replace_padding(network)
    assert network[0].padding == (2, 1, 0, 3)
    kinds = [type(part).__name__ for part in inner]
    assert kinds == ["EdgePadding", "Conv2d", "ReflectionPad2d"]
    assert set(network.state_dict()) == names
