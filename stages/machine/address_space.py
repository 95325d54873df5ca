"""Address space for libraries that end the process themselves where they get none.

OpenBLAS, which numpy and scipy compute with, does so with a line that gives no advice.
"""

import mmap

import numpy as np

PROT_NONE = 0  # mmap(2): a mapping that nothing can be stored in takes no memory
BUFFER_BYTES = 48 << 20  # what it works in, and a half: 32 MB, OpenBLAS 0.3.34 on x86


def expect_room(n_bytes: int, purpose: str) -> None:
    """Raise `MemoryError` if the process may not have so many bytes more."""
    try:
        mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE, prot=PROT_NONE).close()
    except OSError:
        raise MemoryError(f"less than {n_bytes >> 20} MB for {purpose}") from None


def take_buffer() -> None:
    """Let OpenBLAS take at once what it works in, as it would at numpy's first factorisation.

    Raises:
        MemoryError: if there is too little.
    """
    expect_room(BUFFER_BYTES, "OpenBLAS")
    np.linalg.det(np.eye(2))
