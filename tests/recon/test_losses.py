"""The losses of a training step against DIRECT's own."""

from typing import Any

import pytest
import torch

from stages.recon.data import Slices
from stages.recon.losses import WINDOW, loss_functions, window_means
from stages.recon.networks import build_engine, network_options
from tests.recon.conftest import CPU, train_params
from tests.tolerances import assert_not_farther, assert_rounded, float64, nudged, rounding


def value_and_gradient(loss: Any, image: torch.Tensor, target: torch.Tensor) -> list[torch.Tensor]:
    guess = image.clone().requires_grad_()
    value = loss(guess, target, "mean", None)
    value.backward()
    return [value.detach(), guess.grad]


@pytest.mark.kernels
def test_losses_and_gradients_are_directs(slices: Slices) -> None:
    weights = {"l1_loss": 1.0, "ssim_loss": 0.7}
    params = train_params("unet", losses=weights)
    engine = build_engine(network_options(params), CPU, seed=0)
    target = slices.batch([1, 2], CPU)["target"]
    torch.manual_seed(0)
    image = target + 0.1 * target.max() * torch.rand_like(target)
    near = [image, *(torch.from_numpy(nudged(image.numpy(), seed)) for seed in range(4))]
    with float64():  # its windows are kept in torch's default precision
        exact = engine.build_loss()
    losses, directs = loss_functions(engine), engine.build_loss()
    assert list(losses) == list(directs) == list(weights)
    for name, loss in losses.items():
        assert (loss.source_key, loss.target_key) == ("output_image", "target")
        found = value_and_gradient(loss, image, target)
        theirs = [value_and_gradient(directs[name], one, target) for one in near]
        with float64():
            truth = value_and_gradient(exact[name], image.double(), target.double())
        for number, (mine, expected) in enumerate(zip(found, truth, strict=True)):
            assert expected.dtype == torch.float64
            assert_not_farther(mine, [one[number] for one in theirs], expected)


def test_the_similarity_of_an_image_with_itself() -> None:
    engine = build_engine(network_options(train_params("unet")), CPU, seed=0)
    image = torch.rand(2, 12, 10, generator=torch.Generator().manual_seed(0))
    loss = loss_functions(engine)["ssim_loss"](image, image)
    # a mean of quotients of equal numbers, about ten operations each
    assert float(loss) == pytest.approx(0, abs=rounding(10))


def test_window_means() -> None:
    images = torch.rand(3, 2, 11, 9, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.avg_pool2d(images, WINDOW, stride=1)
    assert_rounded(window_means(images), expected, WINDOW**2)
