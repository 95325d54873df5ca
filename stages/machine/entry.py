"""The entry point of a stage script or a command: a fault becomes one line and exit code 1."""

import sys
import time
from collections.abc import Callable
from functools import wraps

from stages.study.errors import line_of


def entry_point(main: Callable[..., None]) -> Callable[..., None]:
    """Wrap the main function of a stage script: a `StudyError` becomes one line and exit code 1.

    So does what the machine lacks: room on the disk, permissions, memory, a worker that was killed.
    Anything else is a defect of the study itself and keeps its traceback. A script that went well
    leaves a note of how long it took (`stages/machine/durations.py`).
    """

    @wraps(main)
    def wrapped(*args: object, **kwargs: object) -> None:
        started = time.perf_counter()
        try:
            if "numpy" in sys.modules:  # not every script needs it
                from stages.machine.address_space import take_buffer

                take_buffer()
            main(*args, **kwargs)
        except Exception as error:
            line = line_of(error)
            if line is None:
                raise
            print(f"error: {' '.join(line.split())}", file=sys.stderr)
            sys.exit(1)
        if main.__module__ == "__main__":  # run by `python -m`, not called by other code
            from stages.machine.durations import note

            note(main.__globals__["__spec__"], sys.argv[1:], time.perf_counter() - started)

    return wrapped
