"""Independent tasks side by side, each on one thread of torch: no result depends on how many."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from threading import Barrier

import torch


def each[Item](task: Callable[[Item], None], items: Iterable[Item], n: int) -> None:
    """Call a task on every item without gradients, `n` at a time, each call with one thread.

    oneDNN chooses the blocks of a convolution's channels, and with them the order of its sums, by
    the number of threads as well as by shape; torch rounds an exponential in another way in the
    last elements of a thread's share, where they do not fill a vector. Where every call has one
    thread, and the items do not depend on how many there are, neither can change a result.

    Tasks write to memory or files of their own. What one of them raises is raised here, when all
    that had begun have ended; the others are not begun.

    Args:
        task: what to do.
        items: its arguments.
        n: calls at a time; one by one they are made by the calling thread.
    """
    alone = torch.inference_mode()(task)
    if n == 1:
        with threads(1):
            for item in items:
                alone(item)
        return
    futures = [workers(n, os.getpid()).submit(alone, item) for item in items]
    try:
        wait(futures, return_when=FIRST_EXCEPTION)
    finally:
        begun = [future for future in futures if not future.cancel()]
        wait(begun)
    for future in begun:
        future.result()


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Give torch another number of threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@cache
def workers(n: int, process: int) -> ThreadPoolExecutor:
    """`n` Python threads of this process (a fork has none), with one thread of torch each."""
    pool, begun = ThreadPoolExecutor(n, initializer=work_alone), Barrier(n)
    threads = torch.get_num_threads()
    list(pool.map(lambda _: begun.wait(), range(n)))
    torch.set_num_threads(threads)  # a part of what each has set is the whole process's
    return pool


def work_alone() -> None:
    """Give the calling thread one thread of torch."""
    torch.get_num_threads()  # the first call in a thread sets the process's number, so not later
    torch.set_num_threads(1)
