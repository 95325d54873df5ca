"""What the study uses of DIRECT's engines, which carry no types that mypy could read."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from stages.recon.physics import Batch

Weights = dict[str, dict[str, torch.Tensor]]
"""Name of a network in DIRECT's checkpoints -> its state."""


class Loss(Protocol):
    """A weighted loss: DIRECT's `KeyedLossFn`."""

    fn: Callable[..., torch.Tensor]
    """Takes an image and a target (batch, n_ky, n_kz), and what else DIRECT hands over."""
    source_key: str
    target_key: str

    def __call__(
        self, image: torch.Tensor, *arguments: torch.Tensor, **options: object
    ) -> torch.Tensor:
        """Return the loss times its weight."""


Losses = dict[str, Loss]
"""By DIRECT's names."""


class Iteration(Protocol):
    """What one of DIRECT's iterations returns."""

    output_image: torch.Tensor
    """(batch, n_ky, n_kz), or (batch, n_ky, n_kz, 2) where the modulus is left to the caller."""
    data_dict: dict[str, torch.Tensor]
    """The losses by name."""


class LossTerm(Protocol):
    """A loss in DIRECT's configuration."""

    function: str
    multiplier: float


class LossConfiguration(Protocol):
    """`training.loss` of DIRECT's configuration."""

    losses: Sequence[LossTerm]


class TrainingConfiguration(Protocol):
    """`training` of DIRECT's configuration."""

    loss: LossConfiguration


class Configuration(Protocol):
    """The part of DIRECT's configuration that is read here."""

    training: TrainingConfiguration


class Engine(Protocol):
    """A network of DIRECT with all that trains it and reconstructs with it."""

    cfg: Configuration
    device: str
    mixed_precision: bool
    model: torch.nn.Module
    models: dict[str, torch.nn.Module]
    """Further networks by the name that DIRECT's checkpoints use."""
    ndim: int
    precision: str
    """Of the networks, float32 or bfloat16: an attribute that the study adds."""

    def build_loss(self) -> Losses:
        """Return the losses of the configuration."""

    def _do_iteration(self, data: Batch, loss_fns: Losses | None = None) -> Iteration:
        """Reconstruct a batch; with losses and networks in training, take the gradients too."""
