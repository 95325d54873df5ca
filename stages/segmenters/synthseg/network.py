"""The U-Net of SynthSeg: one description for every width, depth and kernel."""

from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional

from stages.segmenters.synthseg.rearranging import doubled, joined

# Keras' default for BatchNormalization, with which the published networks were trained.
BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class Architecture:
    """Shape of one U-Net.

    features: output features per level, finest first (at least two levels).
    skips: for every level but the deepest, whether its encoder output is handed to the decoder.
    """

    n_inputs: int
    n_outputs: int
    features: tuple[int, ...]
    kernel: int = 3
    skips: tuple[bool, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.skips:
            object.__setattr__(self, "skips", (True,) * (self.n_levels - 1))
        if self.n_levels < 2 or len(self.skips) != self.n_levels - 1:
            raise ValueError(
                "a U-Net needs two levels or more, and one skip flag per level but one"
            )
        if self.kernel % 2 == 0:
            raise ValueError(f"the kernel must be odd, not {self.kernel}")

    @property
    def n_levels(self) -> int:
        """Number of resolutions."""
        return len(self.features)

    def decoder_inputs(self, level: int) -> tuple[int, int]:
        """Channels (skip, upsampled) that enter the decoder at this level."""
        return (self.features[level] if self.skips[level] else 0), self.features[level + 1]


class Level(nn.Module):
    """Two convolutions with ELU and one batch normalisation: x -> (before, after) the norm."""

    def __init__(self, n_inputs: int, n_outputs: int, kernel: int, momentum: float) -> None:
        super().__init__()
        pad = kernel // 2
        self.first = nn.Conv3d(n_inputs, n_outputs, kernel, padding=pad)
        self.second = nn.Conv3d(n_outputs, n_outputs, kernel, padding=pad)
        self.norm = nn.BatchNorm3d(n_outputs, eps=BATCH_NORM_EPSILON, momentum=momentum)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(batch, n_inputs, x, y, z) -> twice (batch, n_outputs, x, y, z)."""
        before = functional.elu(self.second(functional.elu(self.first(x), inplace=True)))
        return before, self.norm(before)


class UNet(nn.Module):
    """SynthSeg's U-Net, written out literally: the form that is trained and that others must equal.

    Every level is two convolutions with ELU and one batch normalisation. Maximum pooling by two
    leads down, nearest-neighbour doubling leads up. A skip carries the encoder's output from before
    the batch normalisation and stands first in the concatenation.
    Billot et al., Medical Image Analysis 86:102789 (2023), doi:10.1016/j.media.2023.102789.
    """

    def __init__(self, architecture: Architecture, momentum: float = 0.05) -> None:
        super().__init__()
        self.architecture = architecture
        features, kernel = architecture.features, architecture.kernel
        inputs = (architecture.n_inputs, *features[:-1])
        self.down = nn.ModuleList(
            Level(i, o, kernel, momentum) for i, o in zip(inputs, features, strict=True)
        )
        self.up = nn.ModuleList(
            Level(sum(architecture.decoder_inputs(level)), features[level], kernel, momentum)
            for level in range(architecture.n_levels - 1)
        )
        self.likelihood = nn.Conv3d(features[0], architecture.n_outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, n_inputs, x, y, z) -> logits (batch, n_outputs, x, y, z).

        Each side must be a multiple of 2^(n_levels - 1).
        """
        kept: list[torch.Tensor] = []
        for level, block in enumerate(self.down):
            before, x = block(x if level == 0 else functional.max_pool3d(x, 2))
            kept.append(before)
        for level in reversed(range(len(self.up))):
            x = doubled(x)
            if self.architecture.skips[level]:
                x = joined(kept[level], x)
            _, x = self.up[level](x)
        return self.likelihood(x)


def initialise(network: UNet, generator: torch.Generator) -> None:
    """Draw every kernel from He's normal distribution (doi:10.1109/ICCV.2015.123), biases zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, generator=generator)
            nn.init.zeros_(module.bias)
