"""Processes side by side, where the system has what they wait for each other with."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from stages.study.errors import StudyError

SHARED = "/dev/shm"  # where Linux keeps semaphores: sem_overview(7)
ALONE = "or set compute.workers: 1"


def process_pool(n: int, otherwise: str = ALONE) -> ProcessPoolExecutor:
    """Return a pool of `n` new processes.

    Args:
        n: processes at a time.
        otherwise: what to do where there is no room for semaphores, after `give it some MB,`.

    Raises:
        StudyError: if the system has no room for semaphores.
    """
    try:
        return ProcessPoolExecutor(n, mp_context=multiprocessing.get_context("spawn"))
    except (OSError, ImportError) as error:  # an import fails where there are no semaphores at all
        raise StudyError(
            f"{SHARED}: expected room for the semaphores of {n} processes, got '{error}'; give it"
            f" some MB (docker: --shm-size, or mount -o remount,size=64m {SHARED}), {otherwise}"
        ) from None
