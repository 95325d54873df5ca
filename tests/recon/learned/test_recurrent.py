"""The rearranged GRU against DIRECT's own."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from direct.nn.recurrent.recurrent import Conv2dGRU, NormConv2dGRU
from torch import nn

from stages.recon.learned.recurrent import ConvolutionalGRU, is_plain, replace_cells
from tests.tolerances import assert_rounded

BATCH, CHANNELS, GRID, LAYERS = 2, 6, (9, 7), 3
N_ARRAYS = 4  # output, states, and gradients of image and states
# two time steps forwards and backwards: in each layer sums over 5 x 5 positions and the channels of
# an image and three gates of image and state; then over all positions and images of the batch
N_OPERATIONS = 2 * 2 * LAYERS * (25 * CHANNELS + 3 * 2 * CHANNELS) + 2 * BATCH * 9 * 7


def results(cell: nn.Module, image: torch.Tensor, states: torch.Tensor) -> list[torch.Tensor]:
    """Return output, states and all gradients of two time steps."""
    inputs = [image.clone().requires_grad_(), states.clone().requires_grad_()]
    output, new = cell(*inputs)
    output, new = cell(inputs[0] * output.mean(), new)
    (output.square().sum() + new.sum()).backward()
    return [
        output.detach(),
        new.detach(),
        *(x.grad for x in inputs),
        *(p.grad for p in cell.parameters()),
    ]


@pytest.mark.kernels
@pytest.mark.parametrize("kind", [Conv2dGRU, NormConv2dGRU])
def test_same_numbers_and_names_as_directs(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    theirs = nn.Sequential(kind(4, CHANNELS, 2, LAYERS)).double()
    ours = deepcopy(theirs)
    replace_cells(ours)
    assert any(isinstance(module, ConvolutionalGRU) for module in ours.modules())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    shapes = (BATCH, 4, *GRID), (BATCH, CHANNELS, *GRID, LAYERS)
    inputs = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    found, expected = results(ours[0], *inputs), results(theirs[0], *inputs)
    # sums of one signal, which cancel for what a normalisation takes out again: their rounding is
    # relative to the largest of the gradients, not to what is left of one
    largest = max(float(gradient.abs().max()) for gradient in expected[N_ARRAYS:])
    for number, (mine, direct) in enumerate(zip(found, expected, strict=True)):
        scale = None if number < N_ARRAYS else largest
        assert_rounded(mine, direct, N_OPERATIONS, scale=scale, dtype=np.float64)


@pytest.mark.parametrize(
    "options", [{"instance_norm": True}, {"dense_connect": 1}, {"gru_kernel_size": 3}]
)
def test_other_cells_stay_directs(options: dict) -> None:
    network = nn.Sequential(Conv2dGRU(4, CHANNELS, 2, LAYERS, **options))
    assert not is_plain(network[0])
    replace_cells(network)
    assert isinstance(network[0], Conv2dGRU)
