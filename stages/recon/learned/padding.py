"""Replication padding that is deterministic everywhere and that torch's compiler takes."""

import torch
from torch import nn


class EdgePadding(nn.Module):
    """Replication padding of the last two axes out of slices instead of a kernel of its own.

    Same values as `torch.nn.ReplicationPad2d`, whose gradient is not deterministic on CUDA and is
    laid out in memory otherwise than torch's compiler expects.
    """

    def __init__(self, padding: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.padding = padding

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return (..., n_ky, n_kz) with its edges repeated (left, right, top, bottom) times."""
        left, right, top, bottom = self.padding
        rows = [image[..., :1, :]] * top + [image] + [image[..., -1:, :]] * bottom
        image = torch.cat(rows, dim=-2)
        columns = [image[..., :1]] * left + [image] + [image[..., -1:]] * right
        return torch.cat(columns, dim=-1)


def replace_padding(network: nn.Module) -> None:
    """Have every replication padding of a network done by `EdgePadding`, in place."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.ReplicationPad2d):
                setattr(module, name, EdgePadding(child.padding))
