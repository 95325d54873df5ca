"""The one exception of the study and the wrapper that turns it into one line."""

import sys
import time
from collections.abc import Callable
from functools import wraps


class StudyError(Exception):
    """A fault the user can mend, in one line: file, what was expected, what came, what to do."""


def door(main: Callable[..., None]) -> Callable[..., None]:
    """Wrap the main function of a stage script: a `StudyError` becomes one line and exit code 1.

    Anything else is a defect of the study itself and keeps its traceback. A script that went well
    leaves a note of how long it took (`stages/durations.py`).
    """

    @wraps(main)
    def wrapped(*args: object, **kwargs: object) -> None:
        started = time.perf_counter()
        try:
            main(*args, **kwargs)
        except StudyError as error:
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            sys.exit(1)
        if main.__module__ == "__main__":  # run by `python -m`, not called by other code
            from stages.durations import note  # it needs modules that need this one

            note(main.__globals__["__spec__"], sys.argv[1:], time.perf_counter() - started)

    return wrapped
