"""Processes in groups of their own, that can be killed as a whole after some work."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_S = 0.05  # between two looks at a process: each look at its children reads all of /proc
LIMIT_S = 7200  # no process of the smallest study takes as long, however busy the machine is
# threads that wait for each other spin, which costs CPU time on a busy machine and changes no byte
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}


@dataclass(frozen=True)
class Ended:
    """How a process ended: exit code (negative: signal) and what it printed."""

    code: int
    output: str

    @property
    def last_line(self) -> str:
        """Return the last line that was printed."""
        lines = self.output.replace("\r", "\n").strip().splitlines()
        return lines[-1] if lines else ""


class Group:
    """A process and all that it starts, in a group of their own."""

    def __init__(self, command: tuple[str, ...], root: Path) -> None:
        first = Path(sys.executable).parent
        self.log = root / f".log-{command[-1].replace('/', '_')[-40:]}-{time.monotonic_ns()}"
        with open(self.log, "w") as stream:
            self.process = subprocess.Popen(
                command,
                cwd=root,
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=os.environ | PATIENT | {"PATH": f"{first}{os.pathsep}{os.environ['PATH']}"},
            )
        self.cpu_s = 0.0

    def children(self) -> list[psutil.Process]:
        """Return the processes that it has started and that live."""
        with suppress(psutil.Error):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def used_s(self) -> float:
        """Return the CPU-seconds of the group so far."""
        with suppress(psutil.Error):
            own = psutil.Process(self.process.pid)
            times = [process.cpu_times() for process in (own, *own.children(recursive=True))]
            ended = own.cpu_times()
            total = sum(t.user + t.system for t in times)
            self.cpu_s = max(self.cpu_s, total + ended.children_user + ended.children_system)
        return self.cpu_s

    def kill_after(self, cpu_s: float) -> bool:
        """Kill the whole group after so many CPU-seconds; tell whether it still ran then."""
        while self.process.poll() is None:
            if self.used_s() >= cpu_s:
                os.killpg(self.process.pid, signal.SIGKILL)
                break
            time.sleep(POLL_S)
        return self.process.wait() == -signal.SIGKILL

    def wait(self) -> Ended:
        """Wait for the end and return what came of it; the log goes."""
        deadline = time.monotonic() + LIMIT_S
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                os.killpg(self.process.pid, signal.SIGKILL)
            time.sleep(POLL_S)
        text = self.log.read_text(errors="replace")
        self.log.unlink()
        return Ended(self.process.returncode, text)


def run(command: tuple[str, ...], root: Path) -> Ended:
    """Run a command to its end."""
    return Group(command, root).wait()
