"""DIRECT's losses of an engine, the slow one of them by faster arithmetic."""

from collections.abc import Callable

import torch

from stages.recon.learned.engine import Engine, Losses

SSIM = "ssim_loss"  # DIRECT's name
WINDOW = 7  # positions along each axis, as in `direct.functionals.ssim`
K1, K2 = 0.01, 0.03  # stabilise the quotients, as there


def loss_functions(engine: Engine) -> Losses:
    """Return the weighted losses of an engine by name: DIRECT's, but for `ssim_loss`."""
    from direct.nn.loss_keys import KeyedLossFn

    losses = engine.build_loss()
    for term in engine.cfg.training.loss.losses:
        if term.function == SSIM:
            keys = losses[SSIM].source_key, losses[SSIM].target_key
            losses[SSIM] = KeyedLossFn(_weighted_ssim(term.multiplier), *keys)
    return losses


def ssim_loss(image: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return 1 - SSIM of images (batch, n_ky, n_kz), the range being the maximum of all targets.

    Structural similarity over square windows (doi:10.1109/TIP.2003.819861), with the constants of
    DIRECT's loss. The windows are sums of shifted images: DIRECT convolves, and the gradient of
    that convolution takes half of the time of a small network.
    """
    products = [image, target, image * image, target * target, image * target]
    ux, uy, uxx, uyy, uxy = window_means(torch.stack(products))
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    vx, vy, vxy = (unbiased * v for v in (uxx - ux * ux, uyy - uy * uy, uxy - ux * uy))
    c1, c2 = ((k * target.max()) ** 2 for k in (K1, K2))
    likeness = (2 * ux * uy + c1) * (2 * vxy + c2)
    return 1 - (likeness / ((ux * ux + uy * uy + c1) * (vx + vy + c2))).mean()


def window_means(images: torch.Tensor) -> torch.Tensor:
    """Return the means over all windows that lie within images (..., n_ky, n_kz)."""
    n_ky, n_kz = (size - WINDOW + 1 for size in images.shape[-2:])
    rows = sum(images[..., k : k + n_ky, :] for k in range(WINDOW))
    return sum(rows[..., k : k + n_kz] for k in range(WINDOW)) / WINDOW**2


def _weighted_ssim(weight: float) -> Callable[..., torch.Tensor]:
    def evaluate(image: torch.Tensor, target: torch.Tensor, *_: object) -> torch.Tensor:
        return weight * ssim_loss(image, target)

    return evaluate
