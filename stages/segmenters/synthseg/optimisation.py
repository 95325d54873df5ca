"""Training of the embedded segmenter on synthesised images."""

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from stages.params.segmenter import (
    OptimisationParams,
    RefinementParams,
    SegmenterParams,
    SynthesisParams,
)
from stages.segmenters.synthseg.network import Architecture, UNet, initialise
from stages.segmenters.synthseg.synthesis import Draws, Palette, draw_image

BETAS = (0.9, 0.98)  # AdamW; a shorter memory of the second moment than the usual .999
CLIP = 1.0  # largest norm of the gradient
DICE_SMOOTHING = 1.0  # voxels
VOLUME_SMOOTHING = 20.0  # voxels: keeps structures that a crop barely touches from dominating
FINAL_RATE = 1e-5
FIRST_HEADS = 4  # built before the first step
SPATIAL = (2, 3, 4)
Pair = tuple[torch.Tensor, torch.Tensor]  # image and target, see draw_image


@dataclass(frozen=True)
class Step:
    """What one optimisation step reports."""

    number: int
    learning_rate: float
    dice: float
    cross_entropy: float
    volume: float


def build(params: SegmenterParams, palette: Palette) -> UNet:
    """The network to train, its kernels drawn from the seed."""
    network = params.network
    architecture = Architecture(1, palette.n_channels, network.features, network.kernel)
    unet = UNet(architecture)
    initialise(unet, torch.Generator().manual_seed(params.seed))
    return unet.to(memory_format=torch.channels_last_3d)


def learning_rate(step: int, params: OptimisationParams) -> float:
    """Linear warm-up from a tenth, flat, cosine decay to 1e-5."""
    part = step / params.steps
    if part < params.flat:
        return params.learning_rate * min(1.0, 0.1 + 0.9 * part / max(params.warm_up, 1e-9))
    decay = 0.5 + 0.5 * np.cos(np.pi * (part - params.flat) / (1 - params.flat))
    return float(params.learning_rate * decay + FINAL_RATE)


def pool_size(step: int, params: SegmenterParams) -> int:
    """Number of heads to draw from at this step: all of them after half of the training."""
    growth = 2 * step * params.n_heads // params.optimisation.steps
    return min(params.n_heads, FIRST_HEADS + growth)


def losses(
    logits: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Soft Dice, cross-entropy and relative volume error of partial-volume targets.

    Dice: mean over structures of 1 - (2 sum p t + 1) / (sum p^2 + sum t^2 + 1);
    volume: mean of |sum p - sum t| / (sum t + 20 voxels). Background is in the cross-entropy only.

    Args:
        logits, target: (batch, channels, x, y, z); channel 0 is background.
    """
    log_p = functional.log_softmax(logits, 1)
    p = log_p.exp()
    truth, total = target.sum(SPATIAL), p.sum(SPATIAL)
    overlap = 2 * (p * target).sum(SPATIAL) + DICE_SMOOTHING
    sizes = (p * p).sum(SPATIAL) + (target * target).sum(SPATIAL) + DICE_SMOOTHING
    dice = (1 - overlap / sizes)[:, 1:].mean()
    entropy = -(log_p * target).sum(1).mean()
    volume = ((total - truth).abs() / (truth + VOLUME_SMOOTHING))[:, 1:].mean()
    return dice, entropy, volume


@torch.no_grad()
def update_average(average: UNet, network: UNet, step: int, decay: float) -> None:
    """Exponential moving average of weights and running statistics, shorter at the start."""
    rate = 1 - min(decay, (step + 1) / (step + 10))
    for kept, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, rate)
        else:
            kept.copy_(new)


def train(
    maps: Iterator[torch.Tensor],
    palette: Palette,
    shading: torch.Tensor,
    params: SegmenterParams,
    *,
    watch: Callable[[Step, UNet], None] | None = None,
) -> UNet:
    """Train the network in phases and return the moving average of its weights.

    The first phase sees a wide range of contrasts and artefacts; what it learns measures every
    image as if it were an average one, which biases volumes by up to 30 %. Every later phase begins
    at the average of the one before, stays nearer to the images of the study, and normalises with
    the running statistics, as at inference.

    Heads are built while the training runs, at steps that the parameters alone determine.

    Args:
        maps: yields `params.n_heads` tissue maps (2x, 2y, 2z) uint8 (right, anterior, superior).
        palette: signals and channels of the tissues.
        shading: (x, y, z) logarithm of the coils' root of the sum of squares.
        params: network, synthesis and optimisation.
        watch: called after every step with its losses and the averaged network.
    """
    pool: list[torch.Tensor] = []

    def pairs(number: int, synthesis: SynthesisParams) -> Iterator[Pair]:
        draws = Draws.seeded(params.seed + number)
        for step in itertools.count():
            size = pool_size(step, params) if number == 0 else params.n_heads
            pool.extend(next(maps) for _ in range(size - len(pool)))
            tissues = pool[int(draws.scalar.integers(len(pool)))]
            yield draw_image(tissues, palette, shading, synthesis, draws)

    first = pairs(0, params.synthesis)
    network = run_phase(build(params, palette), first, params.optimisation, watch)
    for number, phase in enumerate(params.refinements, start=1):
        stream, settings = pairs(number, phase.synthesis), refined(params.optimisation, phase)
        network = run_phase(frozen_norms(network), stream, settings, watch)
    return network.eval().requires_grad_(False)


def run_phase(
    network: UNet,
    pairs: Iterator[Pair],
    params: OptimisationParams,
    watch: Callable[[Step, UNet], None] | None,
) -> UNet:
    """Optimise on a stream of (image, target) and return the moving average of the network."""
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(
        network.parameters(), weight_decay=params.weight_decay, betas=BETAS
    )
    for step in range(params.steps):
        report = optimise(network, optimiser, next(pairs), step, params)
        update_average(average, network, step, params.averaging)
        if watch is not None:
            watch(report, average)
    return average


def frozen_norms(network: UNet) -> UNet:
    """Put the batch norms in evaluation mode; their scales and offsets still learn."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.eval()
    return network


def refined(params: OptimisationParams, phase: RefinementParams) -> OptimisationParams:
    """Optimisation of a later phase: short warm-up, cosine decay, the whole loss from the start."""
    own = phase.model_dump(include={"steps", "learning_rate", "volume_weight"})
    return params.model_copy(update=own | {"flat": params.warm_up, "volume_from": 0.0})


def optimise(
    network: UNet,
    optimiser: torch.optim.Optimizer,
    pair: Pair,
    step: int,
    params: OptimisationParams,
) -> Step:
    """One step: bfloat16 convolutions, float32 weights and loss."""
    rate = learning_rate(step, params)
    for group in optimiser.param_groups:
        group["lr"] = rate
    image, target = pair
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(image.to(memory_format=torch.channels_last_3d))
    dice, entropy, volume = losses(logits.float(), target)
    weight = params.volume_weight if step >= params.volume_from * params.steps else 0.0
    optimiser.zero_grad()
    (dice + entropy + weight * volume).backward()
    nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    optimiser.step()
    return Step(step + 1, rate, dice.item(), entropy.item(), volume.item())
