"""Where networks run, and how their memory is handled."""

import ctypes

import torch

from stages.errors import StudyError

# glibc's mallopt(3): parameters and the largest threshold that it takes
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
LARGEST_INT = 2**31 - 1


def keep_freed_memory() -> None:
    """Keep freed blocks for the next image instead of giving them back; does nothing without glibc.

    A network frees and takes hundreds of MB for every layer. Fetching them from the system again,
    page by page, costs a fifth of the CPU time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, LARGEST_INT)


def pick_device(name: str) -> torch.device:
    """`auto` (CUDA where there is one), `cpu` or `cuda`; `StudyError` if that is missing."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise StudyError("device 'cuda': no CUDA device was found; use 'cpu' or 'auto'")
    return torch.device("cuda" if available and name != "cpu" else "cpu")
