"""The loss against its formula, and its gradient against finite differences."""

import numpy as np
import pytest
import torch

from stages.segmenters.synthseg import soft_dice as module
from stages.segmenters.synthseg.soft_dice import losses
from tests.tolerances import assert_not_farther, rounding

SHAPE = (4, 5, 6)
WEIGHT = 0.3


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(1, 3, *SHAPE, generator=torch.Generator().manual_seed(0)).double()


@pytest.fixture
def target() -> torch.Tensor:
    parts = torch.rand(*SHAPE, 3, generator=torch.Generator().manual_seed(1)).double()
    return parts / parts.sum(-1, keepdim=True)


def formulas(logits: torch.Tensor, target: torch.Tensor) -> list[float]:
    p, t = logits.softmax(1)[0].numpy(), target.permute(3, 0, 1, 2).numpy()
    pairs = list(zip(p[1:], t[1:], strict=True))
    dice = [1 - (2 * (a * b).sum() + 1) / ((a * a).sum() + (b * b).sum() + 1) for a, b in pairs]
    volume = [abs(a.sum() - b.sum()) / (b.sum() + 20) for a, b in pairs]
    return [np.mean(dice), -(t * np.log(p)).sum(0).mean(), np.mean(volume)]


@pytest.mark.kernels
def test_losses_are_their_formulas(logits: torch.Tensor, target: torch.Tensor) -> None:
    total, *found = (float(value) for value in losses(logits, target, WEIGHT))
    expected = formulas(logits, target)
    # the volumes' differences are a hundredth of the volumes at least
    bound = 2 * 100 * rounding(3 * target[..., 0].numel(), float)
    assert found == pytest.approx(expected, rel=bound)
    assert total == pytest.approx(found[0] + found[1] + WEIGHT * found[2], rel=bound)
    single = losses(logits.float(), target.float(), WEIGHT)[1:]
    assert_not_farther(single, [expected], expected, 3 * target[..., 0].numel())


def test_chunks_change_nothing(
    logits: torch.Tensor, target: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [float(value) for value in losses(logits, target, WEIGHT)]
    monkeypatch.setattr(module, "CHUNK", 7)
    bound = 2 * 100 * rounding(3 * target[..., 0].numel(), float)
    assert [float(v) for v in losses(logits, target, WEIGHT)] == pytest.approx(whole, rel=bound)


def test_gradient(
    logits: torch.Tensor, target: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 50)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: losses(z, target, WEIGHT)[0], (logits,))


def test_eighths_are_fractions(logits: torch.Tensor) -> None:
    eighths = torch.zeros(*SHAPE, 3, dtype=torch.uint8)
    eighths[..., 0], eighths[..., 2] = 3, 5
    found = losses(logits, eighths, WEIGHT)
    expected = losses(logits, eighths.double() / 8, WEIGHT)
    assert [float(v) for v in found] == pytest.approx([float(v) for v in expected], rel=1e-12)
