"""Stages as jobs of a Slurm cluster, through submitit."""

import os
import subprocess
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import submitit

from stages.pipeline.graph import Stage
from stages.pipeline.reproduction import GRACE_S, Reproduction, interrupts_ignored
from stages.study.errors import StudyError

DAY_MINUTES = 1440  # what a Slurm job gets that asks for nothing else
REQUEUES = 10  # of a Slurm job that met its time limit; training resumes
DEVICES = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Slurm:
    """A Slurm cluster, on whose machines this folder has the same path; None: Slurm's default.

    gres: what a stage that can use a GPU asks for, e.g. `gpu:1`. interval_s: between two questions
    which jobs are alive. patience_s: how long a job may be dead without a result before it counts
    as lost.
    """

    interval_s: ClassVar[float] = 10.0
    patience_s: ClassVar[float] = 30.0  # shared file systems show new files late
    gres: str | None = None
    minutes: int = DAY_MINUTES
    cpus: int | None = None
    memory_gb: float | None = None
    partition: str | None = None

    def executor(self, stage: Stage, folder: Path) -> submitit.AutoExecutor:
        """Return an executor with the resources of the stage."""
        executor = submitit.AutoExecutor(folder, cluster="slurm", slurm_max_num_timeout=REQUEUES)
        executor.update_parameters(
            name=stage.name,
            timeout_min=self.minutes,
            cpus_per_task=self.cpus,
            mem_gb=self.memory_gb,
            slurm_partition=self.partition,
            slurm_gres=self.gres if stage.accelerated else None,
            stderr_to_stdout=True,
        )
        return executor

    def alive(self, jobs: Collection[submitit.Job]) -> set[str] | None:
        """Ask `squeue`, which needs no accounting."""
        command = ["squeue", "--noheader", "--format=%A", f"--user={os.getuid()}"]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        return set(asked.stdout.split()) if asked.returncode == 0 else None

    def stop(self, jobs: Collection[submitit.Job]) -> None:
        """Cancel jobs, those in the queue too."""
        ids = [job.job_id for job in jobs]
        subprocess.run(["scancel", *ids], capture_output=True, check=False)


@dataclass(frozen=True)
class Ended:
    """A job that has ended. code: DVC's exit code; None if it was lost. log: its output."""

    stage: str
    code: int | None
    log: Path


class Jobs:
    """The jobs of one launch.

    Args:
        cluster: where they run; it chooses their GPUs.
        folder: new folder for logs (`<stage>.log`) and for submitit's own files.
    """

    def __init__(self, cluster: Slurm, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder.absolute()
        self.running: dict[str, submitit.Job] = {}
        self._asked = float("-inf")
        self._missing: dict[str, float] = {}  # since when

    def submit(self, stage: Stage) -> None:
        """Start the job of a stage, or hand it to the queue.

        Raises:
            StudyError: if the cluster does not take it.
        """
        name = file_name(stage.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        work = Reproduction(stage.name, self.folder / f"{name}.log")
        try:
            executor = self.cluster.executor(stage, self.folder / "submitit" / name / "%j")
            with interrupts_ignored():
                self.running[stage.name] = executor.submit(work)
        except RuntimeError as error:  # no Slurm here, or it refuses the job
            reason = " ".join(str(error).split())
            raise StudyError(
                f"{stage.name}: expected the cluster to take its job, got: {reason}"
            ) from None

    def ended(self) -> list[Ended]:
        """Return the jobs that have ended since the last call."""
        codes = {
            name: exit_code(job)
            for name, job in self.running.items()
            if job.paths.result_pickle.exists()  # the last thing that a job writes
        }
        codes |= dict.fromkeys(self._lost())
        found = [Ended(name, code, self._log(name)) for name, code in codes.items()]
        for name in codes:
            del self.running[name]
        return found

    def cancel(self) -> None:
        """End all jobs; those that have not ended soon after the grace are left to the cluster."""
        deadline = time.monotonic() + GRACE_S + 5.0
        while self.running and time.monotonic() < deadline:
            jobs = self.running.values()
            self.cluster.stop(jobs)
            time.sleep(0.5)
            alive = self.cluster.alive(jobs)
            if alive is not None:
                self.running = {n: job for n, job in self.running.items() if job.job_id in alive}

    def _lost(self) -> list[str]:
        """Names of jobs that are neither waiting nor running, and have left no result."""
        now = time.monotonic()
        if now < self._asked + self.cluster.interval_s:
            return []
        self._asked = now
        alive = self.cluster.alive(self.running.values())
        if alive is None:
            return []
        dead = (n for n, job in self.running.items() if job.job_id not in alive)
        gone = [name for name in dead if not self.running[name].paths.result_pickle.exists()]
        self._missing = {name: self._missing.get(name, now) for name in gone}
        return [n for n, since in self._missing.items() if now - since >= self.cluster.patience_s]

    def _log(self, name: str) -> Path:
        path = self.folder / f"{file_name(name)}.log"
        return path if path.exists() else self.running[name].paths.stdout  # DVC never began


def exit_code(job: submitit.Job) -> int | None:
    """Return the exit code that a job has left; None if the job itself went wrong."""
    return None if job.exception() is not None else job.result()


def least_used(gpus: Collection[str], taken: Collection[str]) -> str:
    """Return the GPU with the fewest jobs, the first of equal ones; an empty name without any."""
    counts = {gpu: list(taken).count(gpu) for gpu in gpus}
    return min(counts, key=counts.__getitem__, default="")


def visible_gpus(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the GPUs that this process may use, by the names that CUDA takes."""
    if DEVICES in environment:
        names = (name.strip() for name in environment[DEVICES].split(","))
        return tuple(name for name in names if name and not name.startswith("-"))
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        return ()
    return tuple(listed.split())


def file_name(stage: str) -> str:
    """Return the name of a stage as the name of a file."""
    return stage.replace("/", "_").replace(":", "_").replace("%", "_")


def last_lines(log: Path, n: int) -> list[str]:
    """Return the last lines of a log that say something; none if there is no log."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-n:]
