"""Stages as jobs of this machine, forked from one process that has loaded what all of them need."""

import multiprocessing
import os
import signal
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from stages.pipeline import forked_stage
from stages.pipeline.graph import Stage, script_of
from stages.pipeline.jobs import DEVICES, Ended, file_name, least_used
from stages.pipeline.reproduction import GRACE_S, with_this_python
from stages.provenance.code import PACKAGE, closure, scripts

# OpenMP's threads wait for work by spinning, which takes the processor from the job beside them: of
# segmentations a third of the CPU time. Asleep they cost nothing
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
LEAST_MEMORY_BYTES = 4e9  # of the machine for each job: what a stage of the default study fits in


class Forks:
    """The jobs of one launch on this machine.

    Args:
        gpus: what CUDA calls the GPUs that jobs may use. A stage that uses one is not forked, as
            CUDA does not survive that.
        folder: new folder for logs (`<stage>.log`).
        modules: what is loaded once.
    """

    def __init__(self, gpus: tuple[str, ...], folder: Path, modules: Collection[str]) -> None:
        self.gpus = gpus
        self.folder = folder.absolute()
        self.running: dict[str, ForkServerProcess] = {}
        self._taken: dict[str, str] = {}
        for name, value in WAITING.items():  # read when the library is loaded, before any fork
            os.environ.setdefault(name, value)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([forked_stage.__name__, *modules])

    def submit(self, stage: Stage) -> None:
        """Start the job of a stage, with the least used GPU if it can use one."""
        device = least_used(self.gpus, self._taken.values()) if stage.accelerated else ""
        environment = with_this_python(dict(os.environ)) | {DEVICES: device}
        self.folder.mkdir(parents=True, exist_ok=True)
        process = self._context.Process(
            target=forked_stage.work,
            args=(stage.name, self._log(stage.name), environment),
            kwargs={"forks": not device},
        )
        process.start()
        self.running[stage.name] = process
        self._taken[stage.name] = device

    def ended(self) -> list[Ended]:
        """Return the jobs that have ended since the last call."""
        codes = {name: process.exitcode for name, process in self.running.items()}
        found = [Ended(n, code, self._log(n)) for n, code in codes.items() if code is not None]
        for job in found:
            self.running.pop(job.stage).close()
            del self._taken[job.stage]
        return found

    def cancel(self) -> None:
        """End all jobs: by an interrupt, so that they clean up, then by force."""
        deadline = time.monotonic() + GRACE_S
        for number in (signal.SIGINT, signal.SIGKILL):
            for process in self.running.values():
                signal_all(process, number)
            for process in self.running.values():
                process.join(max(0.0, deadline - time.monotonic()))
            deadline = time.monotonic() + GRACE_S
        self.running = {n: p for n, p in self.running.items() if p.exitcode is None}

    def _log(self, name: str) -> Path:
        return self.folder / f"{file_name(name)}.log"


def signal_all(process: ForkServerProcess, number: int) -> None:
    """Send a signal to a job and its descendants, also to those that it has left behind."""
    if process.pid is not None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)  # the job leads a session of its own


def preloaded(stages: Mapping[str, Stage], root: Path) -> list[str]:
    """Return the modules that the scripts of some stages import, the scripts themselves left out.

    Args:
        stages: by name.
        root: folder of the project.
    """
    known = set(scripts(root))
    run = {f"{PACKAGE}.{script_of(stage)[0]}" for stage in stages.values()} & known
    return sorted({module for script in run for module in closure(script, root)} - known)


def jobs_of(gpus: Collection[str], n_processors: int, memory_bytes: float) -> int:
    """Return how many jobs run at a time: one a GPU; else one a processor, as memory allows."""
    return len(gpus) or max(1, min(n_processors, int(memory_bytes / LEAST_MEMORY_BYTES)))
