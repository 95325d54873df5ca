"""The loss of the segmentation network and its gradient, worked out in one sweep over the voxels.

Thirty channels in half a million voxels: left to automatic differentiation, the loss would take as
long as the network.
"""

from typing import Any

import torch

DICE_SMOOTHING = 1.0  # voxels
VOLUME_SMOOTHING = 20.0  # voxels: keeps structures that a crop barely touches from dominating
CHUNK = 16_384  # voxels at a time: what is worked on stays in the processor's cache


def losses(
    logits: torch.Tensor, target: torch.Tensor, weight: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Soft Dice + cross-entropy + `weight` x relative volume error of partial-volume targets.

    Dice: mean over structures of 1 - (2 sum p t + 1) / (sum p^2 + sum t^2 + 1);
    volume: mean of |sum p - sum t| / (sum t + 20 voxels). Background is in the cross-entropy only.

    Args:
        logits: (1, channels, x, y, z); channel 0 is background.
        target: (x, y, z, channels) fractions of each voxel; uint8 holds them in eighths.
        weight: of the volume error.

    Returns:
        The loss, and Dice, cross-entropy and volume error alone, which have no gradient.
    """
    n_channels = target.shape[-1]
    rows = logits.permute(0, 2, 3, 4, 1).reshape(-1, n_channels)
    return _Loss.apply(rows, target.reshape(-1, n_channels), weight)


def fractions(target: torch.Tensor) -> torch.Tensor:
    """Return a target as float fractions of voxels."""
    return target.float() / 8 if target.dtype == torch.uint8 else target


class _Loss(torch.autograd.Function):
    """Of logits and targets (n, channels)."""

    @staticmethod
    def forward(
        ctx: Any, logits: torch.Tensor, target: torch.Tensor, weight: float
    ) -> tuple[torch.Tensor, ...]:
        wide = torch.promote_types(logits.dtype, torch.float32)
        p = torch.empty(logits.shape, dtype=wide)
        both, squares, found, truth = p.new_zeros(4, p.shape[1])
        entropy = p.new_zeros(())
        for z, t, q in zip(logits.split(CHUNK), target.split(CHUNK), p.split(CHUNK), strict=True):
            log_p, share = z.to(wide).log_softmax(1), fractions(t)
            torch.exp(log_p, out=q)
            entropy -= (log_p * share).sum()
            both += (q * share).sum(0)
            squares += (q * q).sum(0) + (share * share).sum(0)
            found += q.sum(0)
            truth += share.sum(0)
        top, bottom = 2 * both + DICE_SMOOTHING, squares + DICE_SMOOTHING
        size = truth + VOLUME_SMOOTHING
        dice, volume = (1 - top / bottom)[1:].mean(), ((found - truth).abs() / size)[1:].mean()
        entropy = entropy / len(p)
        inside = p.new_ones(p.shape[1]) / (p.shape[1] - 1)
        inside[0] = 0  # background has neither Dice nor volume
        slope = weight * (found - truth).sign() / size
        ctx.save_for_backward(
            p, target, -2 * inside / bottom, 2 * inside * top / bottom**2, slope * inside
        )
        ctx.dtype = logits.dtype
        ctx.mark_non_differentiable(dice, entropy, volume)
        return dice + entropy + weight * volume, dice, entropy, volume

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor, *_: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        p, target, of_target, of_p, constant = ctx.saved_tensors
        result = torch.empty(p.shape, dtype=ctx.dtype)
        for q, t, r in zip(p.split(CHUNK), target.split(CHUNK), result.split(CHUNK), strict=True):
            share = fractions(t)
            slope = of_target * share + of_p * q + constant
            slope -= (slope * q).sum(1, keepdim=True)
            r.copy_((q * slope + (q - share) / len(p)) * grad)
        return result, None, None
