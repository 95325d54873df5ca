"""DIRECT's convolutional GRU, rearranged: the same numbers out of fewer operations."""

import torch
from direct.nn.recurrent.recurrent import Conv2dGRU
from torch import nn
from torch.nn.functional import linear, relu


class ConvolutionalGRU(nn.Module):
    """DIRECT's `Conv2dGRU` around the same weights under the same names.

    Its gates are 1 x 1 convolutions of an image and a state side by side, hence matrix products
    over the positions: one for what the three gates see of the image, one for what two of them see
    of the state, and no copies of the pair. Channels are the last axis in memory, and the states of
    the layers lie one after the other: interleaved, as DIRECT has them, they are slow to compute
    with.
    """

    def __init__(self, cell: Conv2dGRU) -> None:
        super().__init__()
        self.reset_gates = cell.reset_gates
        self.update_gates = cell.update_gates
        self.out_gates = cell.out_gates
        self.conv_blocks = cell.conv_blocks

    def forward(
        self, image: torch.Tensor, previous: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the output (batch, channels, n_ky, n_kz) and the new states, as `previous`.

        Args:
            image: (batch, channels, n_ky, n_kz).
            previous: states (batch, channels, n_ky, n_kz, layers).
        """
        batch, channels, *grid, layers = previous.shape
        image = image.contiguous(memory_format=torch.channels_last)
        old = previous.permute(4, 0, 2, 3, 1).reshape(layers, -1, channels)
        states = []
        for layer in range(layers):
            seen = relu(self.conv_blocks[layer](image)).permute(0, 2, 3, 1).reshape(-1, channels)
            states.append(self._next(layer, seen, old[layer]))
            image = relu(states[-1]).view(batch, *grid, channels).permute(0, 3, 1, 2)
        new = torch.stack(states).view(layers, batch, *grid, channels)
        return self.conv_blocks[-1](image), new.permute(1, 4, 2, 3, 0)

    def _next(self, layer: int, image: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        """Return the next state of a layer, (positions, channels) as its arguments."""
        gates = [gate[layer][0] for gate in (self.update_gates, self.reset_gates, self.out_gates)]
        weights = torch.cat([gate.weight[..., 0, 0] for gate in gates])
        of_image, of_state = weights.chunk(2, dim=1)
        seen = linear(image, of_image, torch.cat([gate.bias for gate in gates]))
        n = 2 * state.shape[1]
        update, reset = torch.sigmoid(seen[:, :n] + linear(state, of_state[:n])).chunk(2, dim=1)
        new = torch.tanh(seen[:, n:] + linear(state * reset, of_state[n:]))
        return state + update * (new - state)


def replace_cells(network: nn.Module) -> None:
    """Have every plain convolutional GRU of a network computed by `ConvolutionalGRU`, in place."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, Conv2dGRU) and is_plain(child):
                setattr(module, name, ConvolutionalGRU(child))


def is_plain(cell: Conv2dGRU) -> bool:
    """Return whether the gates of a cell are lone 1 x 1 convolutions and its layers not linked."""
    gates = [*cell.reset_gates, *cell.update_gates, *cell.out_gates]
    lone = all(len(gate) == 1 and gate[0].kernel_size == (1, 1) for gate in gates)
    return lone and not cell.dense_connect
