"""The working memory of OpenBLAS, which numpy computes with."""

import mmap

import numpy as np

BUFFER_BYTES = 48 << 20  # what it takes at once and a half: 32 MB, OpenBLAS 0.3.34 on x86


def take_buffer() -> None:
    """Let OpenBLAS take the memory now that it works in from then on.

    It takes it at its first factorisation or product, and ends the process itself where it gets
    none, with a line that gives no advice.

    Raises:
        MemoryError: if there is too little.
    """
    try:
        mmap.mmap(-1, BUFFER_BYTES).close()
    except OSError:
        raise MemoryError(f"less than {BUFFER_BYTES >> 20} MB for OpenBLAS") from None
    np.linalg.det(np.eye(2))
