"""DIRECT's convolutional GRU, rearranged: the same numbers out of fewer and contiguous operations."""

import torch
from direct.nn.recurrent.recurrent import Conv2dGRU
from torch import nn
from torch.nn import functional


class ConvolutionalGRU(nn.Module):
    """DIRECT's `Conv2dGRU` around the same weights under the same names.

    Its gates are 1 x 1 convolutions of an input x and a state h, which are matrix products over the
    positions; those of x, and those of h, are taken in one product each, without copies of the two
    side by side. The states of the layers lie one after the other in memory, not interleaved.
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
        states = []
        for layer, state in enumerate(previous.permute(4, 0, 2, 3, 1).reshape(layers, -1, channels)):
            image = functional.relu(self.conv_blocks[layer](image))
            states.append(self._gated(layer, image.permute(0, 2, 3, 1).reshape(-1, channels), state))
            image = functional.relu(states[-1]).view(batch, *grid, channels).permute(0, 3, 1, 2)
        new = torch.stack(states).view(layers, batch, *grid, channels)
        return self.conv_blocks[-1](image), new.permute(1, 4, 2, 3, 0)

    def _gated(self, layer: int, image: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        # (positions, channels)
        gates = [g[layer][0] for g in (self.update_gates, self.reset_gates, self.out_gates)]
        of_image, of_state = torch.cat([gate.weight[..., 0, 0] for gate in gates]).chunk(2, dim=1)
        bias = torch.cat([gate.bias for gate in gates])
        n = state.shape[-1]
        seen = functional.linear(image, of_image, bias)
        remembered = functional.linear(state, of_state[: 2 * n])
        update, reset = torch.sigmoid(seen[..., : 2 * n] + remembered).chunk(2, dim=-1)
        new = torch.tanh(seen[..., 2 * n :] + functional.linear(state * reset, of_state[2 * n :]))
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
