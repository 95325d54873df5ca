"""Training of the bundled segmentation network on synthesised images, in phases, resumable."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from stages.params.segmenter import OptimisationParams, RefinementParams, SegmenterParams
from stages.segmenters.synthseg.labels import SIDED_LABELS
from stages.segmenters.synthseg.network import Architecture, UNet, initialise
from stages.segmenters.synthseg.soft_dice import losses
from stages.segmenters.synthseg.training_pairs import Pair, Place
from stages.storage.files import atomic_path
from stages.storage.reading import Kind
from stages.storage.tensors import load_plain
from stages.study.errors import StudyError

BETAS = (0.9, 0.98)  # AdamW; a shorter memory of the second moment than the usual .999
CLIP = 1.0  # largest norm of the gradient
FINAL_RATE = 1e-5
SAVED_EVERY = 50  # steps
LOSSES = ("dice", "entropy", "volume")
"""Of a step, as they are logged."""
CHECKPOINT = Kind("a checkpoint of the network's training", "train anew", "remove it to train anew")
Pairs = Callable[[SegmenterParams, list[Place]], Iterator[Pair]]


@dataclass(frozen=True)
class Step:
    """What one optimisation step reports."""

    number: int
    """From 1 on, within its phase."""
    learning_rate: float
    dice: float
    cross_entropy: float
    volume: float


@dataclass
class State:
    """A training at some step."""

    network: UNet
    average: UNet
    optimiser: torch.optim.Optimizer
    done: int = 0
    """Steps of all phases."""
    log: list[list[float]] = field(default_factory=list)
    """For each of them `LOSSES`: Dice loss, cross-entropy and relative volume error."""


def build(params: SegmenterParams, n_channels: int = len(SIDED_LABELS)) -> UNet:
    """The network to train, its kernels drawn from the seed."""
    network = params.network
    architecture = Architecture(1, n_channels, network.features, network.kernel)
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


@torch.no_grad()
def update_average(average: UNet, network: UNet, step: int, decay: float) -> None:
    """Exponential moving average of weights and running statistics, shorter at the start."""
    rate = 1 - min(decay, (step + 1) / (step + 10))
    for kept, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, rate)
        else:
            kept.copy_(new)


def phases(params: SegmenterParams) -> list[OptimisationParams]:
    """Return the optimisation of every phase."""
    return [params.optimisation, *(refined(params.optimisation, p) for p in params.refinements)]


def places(params: SegmenterParams) -> list[Place]:
    """Return phase and step of every step of a training."""
    return [(k, step) for k, phase in enumerate(phases(params)) for step in range(phase.steps)]


def refined(params: OptimisationParams, phase: RefinementParams) -> OptimisationParams:
    """Optimisation of a later phase: short warm-up, cosine decay, the whole loss from the start."""
    own = phase.model_dump(include={"steps", "learning_rate", "volume_weight"})
    return params.model_copy(update=own | {"flat": params.warm_up, "volume_from": 0.0})


def train(
    params: SegmenterParams,
    pairs: Pairs,
    checkpoint: Path,
    *,
    start: State | None = None,
    until: int | None = None,
    watch: Callable[[Step, State], None] | None = None,
) -> State:
    """Train the network in phases; its moving average is the result.

    The first phase sees a wide range of contrasts and artefacts; what it learns measures every
    image as if it were an average one, which biases volumes by up to 30 %. Every later phase begins
    at the average of the one before, stays nearer to the images of the study, and normalises with
    the running statistics, as at inference.

    A training that was interrupted goes on at its checkpoint and gives the same bytes.

    Args:
        params: network, anatomies, synthesis and optimisation.
        pairs: yields the pairs of a list of places.
        checkpoint: file that is written now and then, and read if it is there.
        start: a training that this one goes on from, at its step; None: from step 0.
        until: step after which to stop; None: the last one.
        watch: called after every step with its losses and the training.
    """
    state = restored(params, checkpoint) or start or begun(build(params), params.optimisation)
    stream, first = pairs(params, places(params)[state.done : until]), 0
    for number, phase in enumerate(phases(params)):
        last = first + phase.steps
        end = last if until is None else min(last, until)
        if number and state.done == first < end:
            state = replace(begun(state.average, phase), done=state.done, log=state.log)
        if number and first <= state.done < end:
            frozen_norms(state.network)
        while first <= state.done < end:
            report = optimise(state, next(stream), state.done - first, phase)
            if state.done % SAVED_EVERY == 0 or state.done == end:
                save(checkpoint, params, state)
            if watch is not None:
                watch(report, state)
        first = last
    state.average.eval()
    return state


def begun(network: UNet, params: OptimisationParams) -> State:
    """Return the start of a phase."""
    optimiser = torch.optim.AdamW(
        network.parameters(), weight_decay=params.weight_decay, betas=BETAS
    )
    return State(network, copy.deepcopy(network), optimiser)


def frozen_norms(network: UNet) -> UNet:
    """Put the batch norms in evaluation mode; their scales and offsets still learn."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.eval()
    return network


def optimise(state: State, pair: Pair, step: int, params: OptimisationParams) -> Step:
    """One step: bfloat16 convolutions, float32 weights and loss."""
    rate = learning_rate(step, params)
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    image, target = pair
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = state.network(image.to(memory_format=torch.channels_last_3d))
    weight = params.volume_weight if step >= params.volume_from * params.steps else 0.0
    loss, *parts = losses(logits, target, weight)
    state.optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), CLIP)
    state.optimiser.step()
    update_average(state.average, state.network, step, params.averaging)
    state.done += 1
    state.log.append([part.item() for part in parts])
    return Step(step + 1, rate, *state.log[-1])


def recipe_text(params: SegmenterParams) -> str:
    """Return what a checkpoint belongs to: all that the training depends on."""
    return params.model_dump_json(exclude={"quality", "folds"})


def save(path: Path, params: SegmenterParams, state: State) -> None:
    """Write a checkpoint, and beside it the losses of all steps as a table, both atomically."""
    content = {
        "recipe": recipe_text(params),
        "done": state.done,
        "log": torch.tensor(state.log, dtype=torch.float64),
        "network": state.network.state_dict(),
        "average": state.average.state_dict(),
        "optimiser": state.optimiser.state_dict(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        torch.save(content, stream)
    rows = enumerate(state.log, start=1)
    lines = [",".join(map(str, ("step", *LOSSES))), *(",".join(map(str, (k, *r))) for k, r in rows)]
    with atomic_path(path.with_suffix(".csv")) as temporary:
        temporary.write_text("\n".join([*lines, ""]), encoding="utf-8")


def restored(params: SegmenterParams, path: Path) -> State | None:
    """Read a checkpoint; None where there is none.

    Raises:
        StudyError: if it is damaged, or of another recipe.
    """
    if not path.exists():
        return None
    content = load_plain(path, CHECKPOINT)
    if content["recipe"] != recipe_text(params):
        raise StudyError(
            f"{path}: expected a checkpoint of the recipe in params.segmenters.yaml, got one of"
            " another; remove it to begin anew, or restore the recipe to go on"
        )
    state = begun(build(params), params.optimisation)
    state.network.load_state_dict(content["network"])
    state.average.load_state_dict(content["average"])
    state.optimiser.load_state_dict(content["optimiser"])
    return replace(state, done=content["done"], log=content["log"].tolist())
