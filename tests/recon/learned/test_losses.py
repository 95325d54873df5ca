"""The losses of a training step against DIRECT's own."""

import pytest
import torch

from stages.recon.learned.losses import WINDOW, loss_functions, window_means
from stages.recon.learned.networks import build_engine, network_options
from stages.recon.learned.slices import Slices
from tests.recon.conftest import CPU, train_params


def test_losses_and_gradients_are_directs(slices: Slices) -> None:
    weights = {"l1_loss": 1.0, "ssim_loss": 0.7}
    params = train_params("unet", losses=weights)
    engine = build_engine(network_options(params), CPU, seed=0)
    target = slices.batch([1, 2], CPU)["target"]
    torch.manual_seed(0)
    image = target + 0.1 * target.max() * torch.rand_like(target)
    found, expected = [], []
    for losses, results in ((loss_functions(engine), found), (engine.build_loss(), expected)):
        assert list(losses) == list(weights)
        for loss in losses.values():
            assert (loss.source_key, loss.target_key) == ("output_image", "target")
            guess = image.clone().requires_grad_()
            value = loss(guess, target, "mean", None)
            value.backward()
            results += [value.detach(), guess.grad]
    for mine, direct in zip(found, expected, strict=True):
        scale = float(direct.abs().max())
        torch.testing.assert_close(mine, direct, rtol=1e-4, atol=1e-4 * scale)


def test_the_similarity_of_an_image_with_itself() -> None:
    engine = build_engine(network_options(train_params("unet")), CPU, seed=0)
    image = torch.rand(2, 12, 10, generator=torch.Generator().manual_seed(0))
    loss = loss_functions(engine)["ssim_loss"](image, image)
    assert float(loss) == pytest.approx(0, abs=1e-6)


def test_window_means() -> None:
    images = torch.rand(3, 2, 11, 9, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.avg_pool2d(images, WINDOW, stride=1)
    torch.testing.assert_close(window_means(images), expected)
