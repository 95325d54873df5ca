"""Doubling and joining of feature maps whose gradients lie as the convolutions want them.

torch's own give the same numbers; the gradient of its doubling is slow with channels last, and
that of its concatenation is a view of a wider array, which slows down all that follows it. The two
take an eighth of a training step.
"""

from typing import Any

import torch
from torch.nn import functional


def doubled(x: torch.Tensor) -> torch.Tensor:
    """(batch, channels, x, y, z) -> (batch, channels, 2x, 2y, 2z), every voxel eight times."""
    return _Doubling.apply(x)


def joined(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the channels of the first, then those of the second."""
    return _Joining.apply(first, second)


class _Doubling(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(x, scale_factor=2, mode="nearest")

    @staticmethod
    def backward(_: Any, grad: torch.Tensor) -> torch.Tensor:
        last = grad.permute(0, 2, 3, 4, 1).contiguous()
        batch, nx, ny, nz, channels = last.shape
        last = last.view(batch, nx // 2, 2, ny // 2, 2, nz // 2, 2, channels)
        last = last[:, :, 0] + last[:, :, 1]
        last = last[:, :, :, 0] + last[:, :, :, 1]
        last = last[:, :, :, :, 0] + last[:, :, :, :, 1]
        return last.permute(0, 4, 1, 2, 3)


class _Joining(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        ctx.n = first.shape[1]
        return torch.cat([first, second], 1)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        parts = grad[:, : ctx.n], grad[:, ctx.n :]
        layout = torch.channels_last_3d
        first, second = (part.contiguous(memory_format=layout) for part in parts)
        return first, second
