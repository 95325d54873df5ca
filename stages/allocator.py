"""How glibc's allocator treats the memory that networks free."""

import ctypes

# glibc's mallopt(3): parameters, the largest threshold that it takes, its default number of maps
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4
LARGEST_INT = 2**31 - 1
DEFAULT_MAPS = 65536
LARGE_BYTES = 32 << 20  # the largest M_MMAP_THRESHOLD that glibc takes


def keep_freed_memory() -> None:
    """Keep freed blocks for the next image instead of giving them back; does nothing without glibc.

    A network frees and takes hundreds of MB for every layer. Fetching them from the system again,
    page by page, costs a fifth of the CPU time.
    """
    tune_allocator({M_MMAP_MAX: 0, M_TRIM_THRESHOLD: LARGEST_INT})


def return_large_blocks() -> None:
    """Give back what is free, and from now on keep small freed blocks alone.

    For large volumes, evaluated block by block: there the arrays of a whole volume are few, and the
    holes that they leave in a heap would add a gigabyte to the peak.
    """
    tune_allocator({M_MMAP_MAX: DEFAULT_MAPS, M_MMAP_THRESHOLD: LARGE_BYTES}, trim=True)


def tune_allocator(settings: dict[int, int], *, trim: bool = False) -> None:
    """Set parameters of glibc's allocator for what is allocated from now on."""
    try:
        glibc = ctypes.CDLL(None)
        for parameter, value in settings.items():
            glibc.mallopt(parameter, value)
        if trim:
            glibc.malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return
