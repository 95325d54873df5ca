"""Timed pieces, each in a process of its own; this module imports nothing heavy."""

import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from typing import Any

from stages.machine.peak_memory import STATUS, peak_bytes
from stages.machine.processes import process_pool
from stages.pipeline.costs import Timed
from stages.study.errors import StudyError

TIMING = "stages.pipeline.timing"


def probe(name: str, *arguments: Any) -> dict[str, Timed]:
    """Run a function of `stages.pipeline.timing` in a new process and return what it timed.

    Raises:
        StudyError: if the function raises it, or the system ended the process.
    """
    with process_pool(1, "or plan on another machine") as pool:
        try:
            return pool.submit(_run, name, arguments).result()
        except BrokenProcessPool:
            raise StudyError(
                f"plan: expected to time '{name}' on this machine, got a killed process, probably"
                " for want of memory; plan on a larger machine"
            ) from None


def _run(name: str, arguments: tuple[Any, ...]) -> dict[str, Timed]:
    return getattr(import_module(TIMING), name)(*arguments)


def start_of(script: str) -> Timed:
    """Return how long a script takes to start, its imports, and the memory that they take."""
    program = f"import pathlib, stages.{script}; print(pathlib.Path('{STATUS}').read_text())"
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode != 0:
        raise StudyError(f"stages/{script}.py: expected a module that can be imported; see above")
    return Timed(seconds, peak_bytes(done.stdout.decode()))
