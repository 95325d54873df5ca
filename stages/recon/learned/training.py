"""Training of one member: DIRECT's iteration, losses and schedules in a loop of our own.

The study drives DIRECT's engines itself because DIRECT's own loop recomputes masks, maps and
targets slice by slice on the CPU, cannot resume exactly and keeps every checkpoint.
"""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Protocol, TypedDict

import torch
from tqdm import tqdm

from stages.machine.progress import progress
from stages.params.train import ScheduleParams, TrainParams
from stages.recon.learned.checkpoints import Curve, weights_of
from stages.recon.learned.compiler import step_functions
from stages.recon.learned.engine import Engine, Losses, Weights
from stages.recon.learned.networks import (
    backward,
    build_engine,
    modules_of,
    network_options,
    parameters_of,
)
from stages.recon.learned.order import (
    ORDERS,
    MixedOrder,
    MixedOrderState,
    ScanOrder,
    ScanOrderState,
    Size,
)
from stages.recon.learned.prefetch import prefetched
from stages.recon.learned.resume import Checkpoints
from stages.recon.learned.slices import TrainingSlices, fetch, masks_of
from stages.recon.learned.snapshots import Snapshots
from stages.recon.physics import Batch
from stages.storage.reading import reason
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.seeds import stable_seed

WARMUP_FACTOR = 1 / 3  # of the learning rate at the first step, as in DIRECT's training script


class Adam(torch.optim.Adam):
    """torch's Adam, its methods taken out of the wrappers that import torch's compiler first.

    The compiler, which has no part in the optimiser, takes seconds to import: as long as a small
    network learns.
    """

    add_param_group = torch.optim.Optimizer.add_param_group.__wrapped__
    zero_grad = torch.optim.Optimizer.zero_grad.__wrapped__
    state_dict = torch.optim.Optimizer.state_dict.__wrapped__
    load_state_dict = torch.optim.Optimizer.load_state_dict.__wrapped__
    step = torch.no_grad()(torch.optim.Adam.step.__wrapped__)


class Schedule(Protocol):
    """A learning rate over the steps: one of torch's or DIRECT's schedulers."""

    def step(self) -> None:
        """Go on by a step."""

    def state_dict(self) -> dict[str, object]:
        """Return what `load_state_dict` takes."""

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        """Go on where another schedule stood."""


class SavedState(TypedDict):
    """A `TrainingState` as tensors and plain values."""

    models: Weights
    optimizer: dict[str, object]
    schedule: dict[str, object]
    order: MixedOrderState | ScanOrderState
    random: torch.Tensor
    random_cuda: torch.Tensor | None
    step: int
    curves: Curve


@dataclass
class TrainingState:
    """Everything that the next step depends on, in one object."""

    engine: Engine
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    order: MixedOrder | ScanOrder
    step: int = 0
    curves: Curve = field(default_factory=list)
    """Loss and learning rate of every step."""

    @property
    def device(self) -> torch.device:
        """Where the networks live."""
        return parameters_of(self.engine)[0].device

    def state_dict(self) -> SavedState:
        """Return all of it as tensors and plain values."""
        cuda = self.device.type == "cuda"
        return {
            "models": {name: m.state_dict() for name, m in modules_of(self.engine).items()},
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "order": self.order.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(self.device) if cuda else None,
            "step": self.step,
            "curves": self.curves,
        }

    def load_state_dict(self, state: SavedState) -> None:
        """Go on where another run stood."""
        for name, module in modules_of(self.engine).items():
            module.load_state_dict(state["models"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.order.load_state_dict(state["order"])  # type: ignore[arg-type]  # of the same order
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_cuda"], self.device)
        self.step, self.curves = state["step"], list(state["curves"])


def start(
    params: TrainParams,
    architecture: str,
    seed: int,
    sizes: Sequence[Size],
    device: torch.device,
) -> TrainingState:
    """Return the state before the first step; all that is random depends on (seed, architecture).

    Dropout, where a network has it, draws from torch's global generator, which is seeded here.

    Args:
        params: network and optimisation.
        architecture: name of the ensemble.
        seed: member of the ensemble.
        sizes: what is learned from each training scan.
        device: where the networks live.
    """
    weights = stable_seed("weights", architecture, seed)
    engine = build_engine(network_options(params), device, weights)
    optimizer = Adam(
        parameters_of(engine),
        lr=params.learning_rate,
        betas=params.betas,
        weight_decay=params.weight_decay,
    )
    torch.manual_seed(stable_seed("dropout", architecture, seed))
    generator = torch.Generator().manual_seed(stable_seed("order", architecture, seed))
    order = ORDERS[params.batches](sizes, params.batch_size, generator)
    schedule = learning_rate_schedule(optimizer, params.schedule, params.steps)
    return TrainingState(engine, optimizer, schedule, order)


def learning_rate_schedule(
    optimizer: torch.optim.Optimizer, params: ScheduleParams, steps: int
) -> Schedule:
    """Return the warm-up with one cosine, a cosine a cycle, or a decay every so many steps.

    The first and the last are DIRECT's.
    """
    if params.cycles is not None:
        of_step = partial(cyclic_factor, params.warmup_steps, steps // params.cycles)
        return torch.optim.lr_scheduler.LambdaLR(optimizer, of_step)
    from direct.data.lr_scheduler import WarmupCosineLR, WarmupMultiStepLR

    warmup = {"warmup_factor": WARMUP_FACTOR, "warmup_iterations": params.warmup_steps}
    if params.kind == "cosine":
        return WarmupCosineLR(optimizer, steps, **warmup)
    milestones = list(range(params.decay_steps, steps, params.decay_steps))
    return WarmupMultiStepLR(optimizer, milestones, params.decay_factor, **warmup)


def cyclic_factor(warmup_steps: int, length: int, step: int) -> float:
    r"""Return the part of the learning rate that a step has where it restarts with every cycle.

    .. math:: w(t) (1 + \cos(\pi (t \bmod L) / L)) / 2

    with the warm-up w of DIRECT (Huang et al. 2017, arXiv:1704.00109, equation 2; warm restarts:
    Loshchilov and Hutter 2017, arXiv:1608.03983). In one cycle it is DIRECT's cosine.

    Args:
        warmup_steps: steps of the warm-up, a part of the first cycle.
        length: steps of a cycle, L.
        step: steps taken before, t.
    """
    begun = min(1.0, step / warmup_steps) if warmup_steps else 1.0
    warmup = WARMUP_FACTOR * (1 - begun) + begun
    return warmup * 0.5 * (1 + math.cos(math.pi * (step % length) / length))


def train_step(state: TrainingState, batch: Batch, losses: Losses, clip: float | None) -> float:
    """Take one step of the optimiser on a batch and return the loss."""
    state.optimizer.zero_grad(set_to_none=True)
    loss = backward(state.engine, batch, losses)
    if clip is not None:
        torch.nn.utils.clip_grad_norm_(parameters_of(state.engine), clip)
    state.optimizer.step()
    state.schedule.step()
    state.step += 1
    return loss


def resume(state: TrainingState, checkpoints: Checkpoints, params: TrainParams) -> None:
    """Go on from the last checkpoint, if there is one, and say at which step.

    A checkpoint that has lost a snapshot from before it is of no use: the training starts afresh.

    Raises:
        StudyError: if it holds the state of another training.
    """
    found = checkpoints.latest()
    if found is None:
        return
    missing = missing_snapshots(checkpoints, params, found.get("step", 0))
    if missing:
        print(
            f"{Snapshots(checkpoints).folder}: expected the snapshot of step {missing[0]}, found"
            " none; training starts afresh",
            file=sys.stderr,
        )
        for path in checkpoints.steps().values():  # later steps would outlive the new checkpoints
            path.unlink()
        return
    try:
        state.load_state_dict(found)  # type: ignore[arg-type]  # what it lacks is an error
    except Exception as error:
        raise StudyError(
            f"{checkpoints.folder}: expected the state of this training, got another"
            f" ({reason(error)}); delete the folder"
        ) from None
    print(f"training goes on after step {state.step} of {params.steps}", file=sys.stderr)


def missing_snapshots(checkpoints: Checkpoints, params: TrainParams, step: int) -> list[int]:
    """Return the steps up to a checkpoint's whose snapshots should be there and are not."""
    there = layout.snapshots(Snapshots(checkpoints).folder)
    return [each for each in params.snapshot_steps if each <= step and each not in there]


def no_snapshot(step: int, weights: Weights) -> None:
    """Keep nothing."""


def steps_bar(params: TrainParams) -> tqdm:
    """Return the progress bar of a training."""
    return progress(desc="training", total=params.steps, unit="step")


def train(
    state: TrainingState,
    params: TrainParams,
    training: TrainingSlices,
    checkpoints: Checkpoints | None = None,
    snapshot: Callable[[int, Weights], None] = no_snapshot,
    *,
    compiled: bool = False,
    bar: tqdm | None = None,
) -> TrainingState:
    """Train to the last step and return the same state.

    Args:
        state: where the training stands.
        params: what it does.
        training: slices of each scan to learn from; they are fetched ahead of the steps, while the
            order of the state is that of the steps taken.
        checkpoints: where to put it aside from time to time.
        snapshot: called with step and weights after each of `params.snapshot_steps`.
        compiled: whether the steps run by torch's compiler.
        bar: of the steps, which has waited for the scans; None: a new one.

    Raises:
        StudyError: if the loss is not finite, a scan is damaged or the disk is full.
    """
    device, kept = state.device, set(params.snapshot_steps)
    losses, batch_of = step_functions(state.engine, compiled=compiled)
    coming = islice(state.order.ahead(), params.steps - state.step)
    bar = steps_bar(params) if bar is None else bar
    bar.unpause()  # what came before the first step says nothing about its time
    bar.n = bar.initial = state.step
    with bar, prefetched(coming, partial(fetch, training, device=device), device) as arrived:
        for kspace in arrived:
            picks = state.order.next()
            rate = state.optimizer.param_groups[0]["lr"]
            batch = batch_of(kspace, masks_of(training, picks))
            loss = train_step(state, batch, losses, params.gradient_clip)
            if not math.isfinite(loss):
                raise StudyError(
                    f"training: expected a finite loss, got {loss} at step {state.step};"
                    " lower learning_rate or set gradient_clip"
                )
            state.curves.append({"step": state.step, "loss": loss, "learning_rate": rate})
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update()
            if state.step in kept:
                snapshot(state.step, weights_of(state.engine))
            if checkpoints is not None:
                checkpoints.offer(state.step, state.state_dict)
    return state
