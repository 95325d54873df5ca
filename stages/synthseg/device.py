"""Where networks run, and on how many threads."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier

import torch

from stages.errors import StudyError


def each[Item](task: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Call a task on every item, as many at a time as torch has threads, each call with one.

    oneDNN chooses the blocks of a convolution's channels, and with them the order of its sums, by
    the number of threads as well as by shape; torch rounds an exponential in another way in the
    last elements of a thread's share, where they do not fill a vector. Where every call has one
    thread, and the items do not depend on how many there are, neither can change a result.

    Tasks write to memory of their own. What one of them raises is raised here.
    """
    n = torch.get_num_threads()
    if n == 1:
        for item in items:
            task(item)
        return
    list(workers(n, os.getpid()).map(torch.inference_mode()(task), items))


@cache
def workers(n: int, process: int) -> ThreadPoolExecutor:
    """`n` Python threads of this process (a fork has none), with one thread of torch each."""
    pool, begun = ThreadPoolExecutor(n, initializer=work_alone), Barrier(n)
    list(pool.map(lambda _: begun.wait(), range(n)))
    torch.set_num_threads(n)  # a part of what each has set is the whole process's
    return pool


def work_alone() -> None:
    """Give the calling thread one thread of torch."""
    torch.get_num_threads()  # the first call in a thread sets the process's number, so not later
    torch.set_num_threads(1)


def pick_device(name: str) -> torch.device:
    """`auto` (CUDA where there is one), `cpu` or `cuda`; `StudyError` if that is missing."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise StudyError("device 'cuda': no CUDA device was found; use 'cpu' or 'auto'")
    return torch.device("cuda" if available and name != "cpu" else "cpu")
