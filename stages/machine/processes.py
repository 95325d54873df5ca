"""Processes side by side, where the system has what they wait for each other with."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from threading import Thread

from stages.study.errors import StudyError

SHARED = "/dev/shm"  # where Linux keeps semaphores: sem_overview(7)
ALONE = "or set compute.workers: 1"


def process_pool(n: int, otherwise: str = ALONE) -> ProcessPoolExecutor:
    """Return a pool of `n` new processes, which end with this one, also if it is killed.

    Args:
        n: processes at a time.
        otherwise: what to do where there is no room for semaphores, after `give it some MB,`.

    Raises:
        StudyError: if the system has no room for semaphores.
    """
    try:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(n, mp_context=context, initializer=end_with_parent)
    except (OSError, ImportError) as error:  # an import fails where there are no semaphores at all
        raise StudyError(
            f"{SHARED}: expected room for the semaphores of {n} processes, got '{error}'; give it"
            f" some MB (docker: --shm-size, or mount -o remount,size=64m {SHARED}), {otherwise}"
        ) from None


def end_with_parent() -> None:
    """End this process, one of `multiprocessing`, when that which started it has ended.

    A worker of a pool would wait for ever: it has both ends of the pipe that tasks come through.
    """
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()  # type: ignore[union-attr]  # a worker has one
        os._exit(1)

    Thread(target=watch, name="parent", daemon=True).start()
