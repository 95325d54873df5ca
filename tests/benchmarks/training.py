"""Steps a second of the study's training loop and of DIRECT's own, on the same files.

python -m tests.benchmarks.training [--real-size] [--alone] [--device cuda] [--compile] [--tiny]

Same scans, masks, networks, batch size and number of steps; neither validates nor keeps
checkpoints. The small size is that of the default study, with its networks; the real one is the
challenge's matrix, with the published networks. Both sides train in one process, on one thread, a
few steps in turn, so that what else the machine does slows both alike; the medians of their steps
are compared. DIRECT loads its data in that process unless it is given workers, and is given the
study's masks unless it is to draw one for every slice, as it does by itself. Peak memory is that of
a process for each side, in which the study leaves k-space in its files as DIRECT does. With
`--alone` each side also trains in a process of its own, one after the other, for a machine whose
memory does not hold both; unless it is idle, compare CPU-seconds.
"""

import argparse
import functools
import logging
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Semaphore
from time import perf_counter, process_time
from typing import Any
from unittest import mock

import numpy as np
import torch
from direct.utils.events import JSONWriter, TensorboardWriter

from stages.machine.memory import keep_freed_memory
from stages.recon.learned import training
from stages.recon.learned.networks import REDUCED, autocast
from stages.recon.learned.slices import training_slices
from stages.recon.learned.training import TrainingState, learning_rate_schedule, start, train
from tests.benchmarks.direct import (
    Case,
    direct_dataset,
    engine_of_direct,
    peak_device_gb,
    scans_and_masks,
    write_scans,
)
from tests.benchmarks.process import alone, peak_gb
from tests.benchmarks.tiny import parsed
from tests.settings import DEFAULT, write_settings

TINY, SMALL, REAL = (8, 32, 28), (96, 108, 84), (256, 218, 170)
ARCHITECTURES = ("unet", "varnet", "rim")
TURN = 5  # steps; more than the two that the study fetches ahead
FOR_MEMORY = 3  # steps
ALONE = argparse.Namespace(workers=0, masks="given", compile=False, cache="none")


@dataclass
class Turn:
    """Who may compute: a side gives its turn to the other one and waits for its own."""

    own: Semaphore = field(default_factory=lambda: Semaphore(0))
    other: Semaphore = field(default_factory=lambda: Semaphore(0))

    def change(self) -> None:
        """Let the other side compute until it gives the turn back."""
        self.other.release()
        self.own.acquire()

    def end(self, _: object = None) -> None:
        """Let the other side compute for ever."""
        self.other.release(10**9)


@dataclass
class Clock:
    """Wall seconds, CPU seconds and seconds of the model in each step."""

    device: str
    turn: Turn | None = None
    steps: list[tuple[float, float, float]] = field(default_factory=list)
    model: float = 0.0
    began: tuple[float, float] = (0.0, 0.0)

    def offer(self, *_: object) -> None:
        """Note the end of a step; it stands where the loops keep checkpoints."""
        self.finish()
        wall, cpu = (b - a for a, b in zip(self.began, self.now(), strict=True))
        self.steps.append((wall, cpu, self.model))
        if self.turn and len(self.steps) % TURN == 0:
            self.turn.change()
        self.began = self.now()

    def finish(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def now(self) -> tuple[float, float]:
        """Return wall and CPU seconds."""
        return perf_counter(), process_time()

    def timed(self, step: Callable) -> Callable:
        """Return a function that also notes how long it takes."""

        @functools.wraps(step)
        def noted(*arguments: Any, **options: Any) -> Any:
            self.finish()  # what came before is no part of it
            began = perf_counter()
            result = step(*arguments, **options)
            self.finish()
            self.model = perf_counter() - began
            return result

        return noted


def main(arguments: list[str] | None = None) -> None:
    """Print one block an architecture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real-size", action="store_true")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--workers", type=int, default=0, help="of DIRECT's data loader")
    parser.add_argument("--masks", choices=("given", "drawn"), default="given", help="to DIRECT")
    parser.add_argument(
        "--compile", action="store_true", help="the study's step by torch's compiler"
    )
    places = ("auto", "device", "host", "none")
    parser.add_argument("--cache", choices=places, default="auto", help="of the study's k-space")
    parser.add_argument("--alone", action="store_true", help="one side after the other")
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--steps", type=int, help="timed ones; default 60, real size 1")
    parser.add_argument("--time-only", action="store_true", help="leave peak memory out")
    parser.add_argument("--architectures", nargs="+", default=ARCHITECTURES)
    options = parsed(parser, arguments, steps=1, time_only=True)
    warm_up = 1 if options.real_size else TURN
    steps = warm_up + (options.steps or (1 if options.real_size else 60))
    with tempfile.TemporaryDirectory() as folder:
        parameters = str(write_settings("paper" if options.real_size else DEFAULT, Path(folder)))
        grid = TINY if options.tiny else REAL if options.real_size else SMALL
        write_scans(Path(folder), grid, 1)
        for name in options.architectures:
            case = Case(name, parameters, options.batch_size, options.device)
            if options.alone:
                sides = [alone(trained, side, folder, case, steps, options) for side in SIDES]
                times, peaks = zip(*sides, strict=True)
            else:
                times = alone(race, folder, case, steps, options)
                peaks = [] if options.time_only else [alone(memory, s, folder, case) for s in SIDES]
            ours, theirs = (np.median(side[warm_up:], axis=0) for side in times)
            report(f"{name:7} the study", ours)
            report(f"{name:7} DIRECT   ", theirs)
            speed, cpu = theirs[:2] / ours[:2]
            print(f"{name:7} ratio     {speed:.2f} x, by CPU-s {cpu:.2f} x", flush=True)
            for side, (host, gpu) in zip(SIDES, peaks, strict=False):
                title = f"{name:7} {side.__name__}"
                print(f"{title}: peak {host:.2f} GB, GPU {gpu:.2f} GB", flush=True)


def race(
    folder: str, case: Case, steps: int, options: argparse.Namespace
) -> tuple[np.ndarray, np.ndarray]:
    """Return wall, CPU and model seconds of every step of both sides, (steps, 3) each."""
    turn = Turn()
    ours = Clock(case.device, turn)
    theirs = Clock(case.device, Turn(turn.other, turn.own))

    def second() -> None:
        theirs.turn.own.acquire()
        train_direct(folder, case, steps, theirs, options)

    # DIRECT's engines take Ctrl-C for themselves, which only a main thread may
    with mock.patch("signal.signal"), ThreadPoolExecutor(1) as pool:
        other = pool.submit(second)
        other.add_done_callback(theirs.turn.end)
        try:
            train_ours(folder, case, steps, ours, options)
        finally:
            turn.end()
        other.result()
    return np.array(ours.steps), np.array(theirs.steps)


def trained(
    side: Callable, folder: str, case: Case, steps: int, options: argparse.Namespace
) -> tuple[np.ndarray, tuple[float, float]]:
    """Return the seconds of every step of one side, as in a race, and its peak memory in GB."""
    clock = Clock(case.device)
    side(folder, case, steps, clock, options)
    return np.array(clock.steps), (peak_gb(), peak_device_gb(case.device))


def memory(side: Callable, folder: str, case: Case) -> tuple[float, float]:
    """Return the peak memory of one side on the host and on the device, GB."""
    return trained(side, folder, case, FOR_MEMORY, ALONE)[1]


def train_ours(
    folder: str,
    case: Case,
    steps: int,
    clock: Clock,
    options: argparse.Namespace = ALONE,
) -> TrainingState:
    """Train by the study's loop; return where it ended."""
    prepare()
    device = torch.device(case.device)
    scans, masks = scans_and_masks(folder)
    params = case.params(steps=steps, crop_outer_slices=(0, 0))
    with mock.patch("stages.recon.learned.slices.scan_mask", side_effect=masks):
        slices = training_slices(scans, params.crop_outer_slices, device, options.cache)
    state = start(params, case.architecture, 0, [part.size for part in slices], device)
    with mock.patch.object(training, "train_step", clock.timed(training.train_step)):
        return train(state, params, slices, clock, compiled=options.compile)


def train_direct(
    folder: str,
    case: Case,
    steps: int,
    clock: Clock,
    options: argparse.Namespace = ALONE,
) -> None:
    """Train by DIRECT's own loop."""
    prepare()
    params = case.params(steps=steps)
    engine = engine_of_direct(
        case,
        batch_size=case.batch_size,
        num_iterations=steps,
        gradient_clipping=params.gradient_clip or 0.0,
        validation_steps=10 * steps,
    )
    engine.checkpoint_model_at_interval = clock.offer
    if case.precision == REDUCED:  # of DIRECT's own, which scales its losses for float16 otherwise
        engine.mixed_precision = case.device == "cuda"
        engine._do_iteration = within(autocast(REDUCED, torch.device(case.device)), engine)
    engine._do_iteration = clock.timed(engine._do_iteration)
    networks = [engine.model, *engine.models.values()]
    weights = [p for network in networks for p in network.to(case.device).parameters()]
    optimizer = torch.optim.Adam(weights, lr=params.learning_rate, betas=params.betas)
    schedule = learning_rate_schedule(optimizer, params.schedule, steps)
    with tempfile.TemporaryDirectory() as out, writers_closed():
        data = [direct_dataset(folder, drawn=options.masks == "drawn")]
        engine.train(optimizer, schedule, data, Path(out), num_workers=options.workers)


@contextmanager
def writers_closed() -> Iterator[None]:
    """Close DIRECT's writers of metrics: else a thread would write when their folder is gone."""
    opened: list[Any] = []

    def kept(kind: Callable[..., Any]) -> Callable[..., Any]:
        def writer(*arguments: Any, **options: Any) -> Any:
            opened.append(kind(*arguments, **options))
            return opened[-1]

        return writer

    with (
        mock.patch("direct.engine.JSONWriter", kept(JSONWriter)),
        mock.patch("direct.engine.TensorboardWriter", kept(TensorboardWriter)),
    ):
        try:
            yield
        finally:
            for one in opened:
                one.close()


def within(region: torch.autocast, engine: Any) -> Callable:
    """Return the iteration of an engine of DIRECT as it runs within a region."""
    step = engine._do_iteration

    def run(*arguments: Any, **options: Any) -> Any:
        with region:
            return step(*arguments, **options)

    return run


def prepare() -> None:
    """Set torch up for both sides alike."""
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    keep_freed_memory()


def report(title: str, step: np.ndarray) -> None:
    """Print the median step of one side: wall, CPU and model seconds."""
    wall, cpu, model = step
    print(f"{title} {1 / wall:7.3f} steps/s, {cpu:.4f} CPU-s a step, model {model / wall:.0%}")


SIDES = (train_ours, train_direct)

if __name__ == "__main__":
    main()
