"""A process of its own for each measurement, so that memory and imports are its own."""

import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from time import perf_counter, process_time
from typing import Any, Self

GIGABYTE = 1e6  # of ru_maxrss, which counts in kB


def alone(function: Callable, *arguments: Any) -> Any:
    """Call a function in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_gb() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIGABYTE


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, seconds of CPU time, peak resident memory (GB) of this process."""

    wall: float
    cpu: float
    peak_gb: float

    @classmethod
    def now(cls) -> Self:
        """What this process has cost so far; only differences of times mean anything."""
        return cls(perf_counter(), process_time(), peak_gb())

    def __sub__(self, earlier: "Cost") -> "Cost":
        """What was spent since; the peak is that of the whole process."""
        return Cost(self.wall - earlier.wall, self.cpu - earlier.cpu, self.peak_gb)
