"""How glibc's allocator treats the memory that networks free."""

import ctypes
import os
from pathlib import Path

# glibc's mallopt(3): parameters, the largest threshold that it takes, its default number of maps
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4
LARGEST_INT = 2**31 - 1
DEFAULT_MAPS = 65536
LARGE_BYTES = 32 << 20  # the largest M_MMAP_THRESHOLD that glibc takes
MAPPED_BYTES = 4 << 20  # two huge pages of x86: smaller blocks would fill none
KEPT_BYTES = 256 << 20  # free at the end of the heap that is kept: more than small blocks take
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")  # e.g. `always [madvise] never`


def keep_freed_memory() -> None:
    """Keep freed blocks for the next image instead of giving them back; does nothing without glibc.

    A network frees and takes hundreds of MB for every layer. Fetching them from the system again,
    page by page, costs a fifth of the CPU time.
    """
    tune_allocator({M_MMAP_MAX: 0, M_TRIM_THRESHOLD: LARGEST_INT})


def map_large_blocks() -> None:
    """Give every large block pages of its own, which go back when it is freed, and huge ones.

    For work that goes on image after image: no holes are left between blocks, so that memory does
    not grow from one image to the next. The pages must be huge, or they cost what
    `keep_freed_memory` saves; where the system has none, freed blocks are kept.
    """
    if not huge_pages():
        keep_freed_memory()
        return
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch looks when it first allocates
    tune_allocator(
        {
            M_MMAP_MAX: DEFAULT_MAPS,
            M_MMAP_THRESHOLD: MAPPED_BYTES,
            M_TRIM_THRESHOLD: KEPT_BYTES,
        }
    )


def huge_pages() -> bool:
    """Tell whether the system gives huge pages to who asks for them (Linux, madvise(2))."""
    try:
        return "[never]" not in HUGE_PAGES.read_text()
    except OSError:
        return False


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
