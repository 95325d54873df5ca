"""What one job of a cluster does: it reproduces one stage. This runs on the cluster's machines."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

GRACE_S = 10.0  # for a stage to end after an interrupt; Slurm kills after 30 s (KillWait)


@dataclass(frozen=True)
class Reproduction:
    """A job: `dvc repro` of a single stage, which waits for DVC's lock while others hold it.

    stage: its name. log: where its output goes.
    """

    stage: str
    log: Path

    def __call__(self) -> int:
        """Run DVC in the current folder and return its exit code; nothing of it stays behind."""
        command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "-s", self.stage]
        with open(self.log, "ab") as stream, exits_on_termination():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=with_this_python(dict(os.environ)),
                start_new_session=True,
                preexec_fn=heed_interrupts,
            )
            try:
                return process.wait()
            except BaseException:
                stop(process)
                raise

    def checkpoint(self) -> Any:
        """Return what submitit runs after a time limit: the same stage, which then resumes."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def with_this_python(environment: dict[str, str]) -> dict[str, str]:
    """Put the folder of this Python first in PATH: stages call `python`."""
    found = environment.get("PATH", os.defpath)
    return environment | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{found}"}


def heed_interrupts() -> None:
    """Undo, in a new process, that the launcher lets its jobs ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process and its descendants: by an interrupt, so that they clean up, then by force."""
    ignored = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finally:
        signal.signal(signal.SIGTERM, ignored)


@contextmanager
def exits_on_termination() -> Iterator[None]:
    """Turn SIGTERM, by which jobs are cancelled, into `SystemExit` for a while."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C for a while, and let processes that begin here do so at first."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
