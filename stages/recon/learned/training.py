"""Training of one member: DIRECT's iteration, losses and schedules in a loop of our own.

The study drives DIRECT's engines itself because DIRECT's own loop recomputes masks, maps and
targets slice by slice on the CPU, cannot resume exactly and keeps every checkpoint.
"""

import math
import sys
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch

from stages.machine.progress import progress
from stages.params.train import ScheduleParams, TrainParams
from stages.recon.learned.compiler import step_functions
from stages.recon.learned.networks import (
    backward,
    build_engine,
    modules_of,
    network_options,
    output_image,
    parameters_of,
    set_training,
)
from stages.recon.learned.prefetch import prefetched
from stages.recon.learned.resume import Checkpoints
from stages.recon.learned.slices import SliceOrder, Slices, StoredSlices
from stages.recon.physics import Batch
from stages.recon.quality import challenge_quality
from stages.storage.reading import reason
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


@dataclass
class TrainingState:
    """Everything that the next step depends on, in one object."""

    engine: Any
    optimizer: torch.optim.Optimizer
    schedule: Any
    order: SliceOrder
    step: int = 0
    curves: list[dict[str, float]] = field(default_factory=list)

    @property
    def device(self) -> torch.device:
        """Where the networks live."""
        return parameters_of(self.engine)[0].device

    def state_dict(self) -> dict[str, Any]:
        """Return all of it as tensors and plain values."""
        state = {
            "models": {name: m.state_dict() for name, m in modules_of(self.engine).items()},
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "order": self.order.state_dict(),
            "random": torch.get_rng_state(),
            "step": self.step,
            "curves": self.curves,
        }
        if self.device.type == "cuda":
            state["random_cuda"] = torch.cuda.get_rng_state(self.device)
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another run stood."""
        for name, module in modules_of(self.engine).items():
            module.load_state_dict(state["models"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.order.load_state_dict(state["order"])
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_cuda"], self.device)
        self.step, self.curves = state["step"], list(state["curves"])


def start(
    params: TrainParams, architecture: str, seed: int, lengths: list[int], device: torch.device
) -> TrainingState:
    """Return the state before the first step; all that is random depends on (seed, architecture).

    Dropout, where a network has it, draws from torch's global generator, which is seeded here.

    Args:
        params: network and optimisation.
        architecture: name of the ensemble.
        seed: member of the ensemble.
        lengths: number of slices of each training scan.
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
    order = SliceOrder(lengths, params.batch_size, generator)
    schedule = learning_rate_schedule(optimizer, params.schedule, params.steps)
    return TrainingState(engine, optimizer, schedule, order)


def learning_rate_schedule(
    optimizer: torch.optim.Optimizer, params: ScheduleParams, steps: int
) -> Any:
    """Return DIRECT's schedule: warm-up and cosine, or warm-up and decay every so many steps."""
    from direct.data.lr_scheduler import WarmupCosineLR, WarmupMultiStepLR

    warmup = {"warmup_factor": WARMUP_FACTOR, "warmup_iterations": params.warmup_steps}
    if params.kind == "cosine":
        return WarmupCosineLR(optimizer, steps, **warmup)
    milestones = list(range(params.decay_steps, steps, params.decay_steps))
    return WarmupMultiStepLR(optimizer, milestones, params.decay_factor, **warmup)


def train_step(state: TrainingState, batch: Batch, losses: Any, clip: float | None) -> float:
    """Take one step of the optimiser on a batch and return the loss."""
    state.optimizer.zero_grad(set_to_none=True)
    loss = backward(state.engine, batch, losses)
    if clip is not None:
        torch.nn.utils.clip_grad_norm_(parameters_of(state.engine), clip)
    state.optimizer.step()
    state.schedule.step()
    state.step += 1
    return loss


def resume(state: TrainingState, checkpoints: Checkpoints, steps: int) -> None:
    """Go on from the last checkpoint, if there is one, and say at which step.

    Raises:
        StudyError: if it holds the state of another training.
    """
    found = checkpoints.latest()
    if found is not None:
        try:
            state.load_state_dict(found)
        except Exception as error:
            raise StudyError(
                f"{checkpoints.folder}: expected the state of this training, got another"
                f" ({reason(error)}); delete the folder"
            ) from None
        print(f"training goes on after step {state.step} of {steps}", file=sys.stderr)


def train(
    state: TrainingState,
    params: TrainParams,
    training: list[Slices] | list[StoredSlices],
    validation: list[Slices],
    checkpoints: Checkpoints | None = None,
    *,
    compiled: bool = False,
) -> TrainingState:
    """Train to the last step, following loss and validation; return the same state.

    Args:
        state: where the training stands.
        params: what it does.
        training: slices of each scan to learn from; they are fetched ahead of the steps, while the
            order of the state is that of the steps taken.
        validation: slices to follow it by.
        checkpoints: where to put it aside from time to time.
        compiled: whether the steps run by torch's compiler.

    Raises:
        StudyError: if the loss is not finite, a scan is damaged or the disk is full.
    """
    device = state.device
    losses, batch_of = step_functions(state.engine, compiled=compiled)

    def fetch(chosen: tuple[int, list[int]]) -> torch.Tensor:
        scan, indices = chosen
        return training[scan].fetch(indices, device)

    coming = islice(state.order.ahead(), params.steps - state.step)
    bar = progress(desc="training", total=params.steps, unit="step")
    bar.n = bar.initial = state.step
    with bar, prefetched(coming, fetch, device) as arrived:
        for kspace in arrived:
            scan, _ = state.order.next()
            rate = state.optimizer.param_groups[0]["lr"]
            batch = batch_of(kspace, training[scan].mask)
            loss = train_step(state, batch, losses, params.gradient_clip)
            if not math.isfinite(loss):
                raise StudyError(
                    f"training: expected a finite loss, got {loss} at step {state.step};"
                    " lower learning_rate or set gradient_clip"
                )
            row = {"step": state.step, "loss": loss, "learning_rate": rate}
            if state.step % params.validation_interval == 0 or state.step == params.steps:
                row |= validate(state.engine, validation, device)
            state.curves.append(row)
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update()
            if checkpoints is not None:
                checkpoints.offer(state.step, state.state_dict)
    return state


@torch.no_grad()
def validate(engine: Any, slices: list[Slices], device: torch.device) -> dict[str, float]:
    """Return challenge PSNR (dB) and SSIM, the mean over all validation slices."""
    set_training(engine, False)
    scores = []
    for scan in slices:
        batch = scan.batch(slice(None), device)
        target = batch["target"].cpu().numpy()
        image = output_image(engine, batch).cpu().numpy()
        scores.append(challenge_quality(target, image))
    set_training(engine, True)
    psnr, ssim = zip(*scores, strict=True)
    return {
        "validation_psnr": math.fsum(psnr) / len(psnr),
        "validation_ssim": math.fsum(ssim) / len(ssim),
    }
