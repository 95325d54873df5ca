"""The network that predicts how good a segmentation is, and its weights in Keras' layout.

A convolutional encoder on the posteriors of all labels, whose output is averaged over the volume:
one number for each region of `REGIONS`, the Dice coefficient that the segmentation would have with
a manual one. Billot et al., PNAS 120:e2216399120 (2023), doi:10.1073/pnas.2216399120.

Kernel sizes, widths, the number of levels and of convolutions in each come from the file. What no
shape tells is assumed, as the specification at hand does not state it:

- inputs are the posteriors of SynthSeg's labels in their order, before they are cleaned;
- a rectified linear unit follows every convolution but the last of all; zeros lie outside;
- maximum pooling by two leads from one level to the next;
- a kernel of one voxel between a level's input and its output is the projection of a residual
  connection, added before the level's last rectification (He et al. 2016,
  doi:10.1109/CVPR.2016.90), and then every level has such a connection;
- a batch normalisation, where a level has one, stands at its end (epsilon as in the U-Nets);
- the other kernels of the file, in its order, are the last convolutions;
- scores are cut to 0 .. 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from stages.segmenters.synthseg.fused import LAYOUT, convolve
from stages.segmenters.synthseg.network import BATCH_NORM_EPSILON

REGIONS = (
    "general white matter",
    "general grey matter",
    "general csf",
    "cerebellum",
    "brainstem",
    "thalamus",
    "putamen+pallidum",
    "hippocampus+amygdala",
)
"""In the order of the outputs, by the names of SynthSeg's table."""


@dataclass(frozen=True)
class Convolution:
    """A convolution that keeps the sides of its input."""

    weight: torch.Tensor
    """(outputs, inputs, k, k, k), k odd."""
    bias: torch.Tensor
    """(outputs,)."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """(1, inputs, x, y, z) -> (1, outputs, x, y, z)."""
        return convolve(x, self.weight, self.bias, self.weight.shape[-1] // 2, elu=False)

    def on(self, device: torch.device) -> "Convolution":
        """Return the convolution on a device, its kernel in the layout that is fast."""
        weight = torch.empty_like(self.weight, device=device, memory_format=LAYOUT)
        return Convolution(weight.copy_(self.weight), self.bias.to(device))


@dataclass(frozen=True)
class Norm:
    """A batch normalisation: a factor and an offset for each channel."""

    scale: torch.Tensor
    """(channels,)."""
    offset: torch.Tensor
    """(channels,)."""

    @classmethod
    def of(cls, arrays: list[np.ndarray]) -> "Norm":
        """Return the normalisation by gamma, beta, moving mean and moving variance."""
        gamma, beta, mean, variance = (torch.from_numpy(a.astype(np.float64)) for a in arrays)
        scale = gamma / torch.sqrt(variance + BATCH_NORM_EPSILON)
        return cls(scale.float(), (beta - mean * scale).float())

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise (1, channels, x, y, z) in place."""
        shape = (1, -1, 1, 1, 1)
        return x.mul_(self.scale.reshape(shape)).add_(self.offset.reshape(shape))

    def on(self, device: torch.device) -> "Norm":
        """Return the normalisation on a device."""
        return Norm(self.scale.to(device), self.offset.to(device))


@dataclass(frozen=True)
class Stage:
    """What happens at one resolution of the encoder."""

    convolutions: tuple[Convolution, ...]
    residual: bool
    """Whether the stage's input is added to its output."""
    projection: Convolution | None
    """Of that input; None where it has as many channels as the output."""
    norm: Norm | None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """(1, inputs, x, y, z) -> (1, outputs, x, y, z)."""
        found = x
        for convolution in self.convolutions[:-1]:
            found = convolution(found).relu_()
        found = self.convolutions[-1](found)
        if self.residual:
            found += x if self.projection is None else self.projection(x)
        found.relu_()
        return found if self.norm is None else self.norm(found)

    def on(self, device: torch.device) -> "Stage":
        """Return the stage on a device."""
        return Stage(
            tuple(each.on(device) for each in self.convolutions),
            self.residual,
            self.projection and self.projection.on(device),
            self.norm and self.norm.on(device),
        )


@dataclass(frozen=True)
class Regressor:
    """The whole network."""

    stages: tuple[Stage, ...]
    head: tuple[Convolution, ...]

    @property
    def n_inputs(self) -> int:
        """Channels of the input."""
        return self.stages[0].convolutions[0].weight.shape[1]

    @property
    def n_outputs(self) -> int:
        """Numbers that are predicted."""
        return len(self.head[-1].weight)

    @torch.inference_mode()
    def __call__(self, x: torch.Tensor) -> np.ndarray:
        """(1, n_inputs, x, y, z), sides multiples of 2^(stages - 1) -> (n_outputs,) float64."""
        x = x.contiguous(memory_format=LAYOUT)
        for number, stage in enumerate(self.stages):
            x = stage(functional.max_pool3d(x, 2) if number else x)
        for convolution in self.head[:-1]:
            x = convolution(x).relu_()
        # by numpy, whose sums have the same bits for any number of threads
        return self.head[-1](x)[0].cpu().numpy().mean((1, 2, 3), dtype=np.float64)

    def on(self, device: torch.device) -> "Regressor":
        """Return the network on a device."""
        return Regressor(
            tuple(each.on(device) for each in self.stages),
            tuple(each.on(device) for each in self.head),
        )


class QualityScores:
    """The network on a device, ready for many segmentations."""

    def __init__(self, network: Regressor, device: torch.device | None = None) -> None:
        self.device = device or torch.device("cpu")
        self.network = network.on(self.device)

    def of(self, posteriors: torch.Tensor) -> Mapping[str, float]:
        """Return the score of each region, 0 .. 1, 1 the best.

        Args:
            posteriors: (33, x, y, z), of SynthSeg's labels on the padded grid.
        """
        found = self.network(posteriors[None].to(self.device))
        return dict(zip(REGIONS, map(float, found.clip(0, 1)), strict=True))
