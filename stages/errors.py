"""The one exception of the study and the wrapper that turns it into one line."""

import sys
from collections.abc import Callable
from functools import wraps


class StudyError(Exception):
    """A fault the user can mend, in one line: file, what was expected, what came, what to do."""


def door(main: Callable[..., None]) -> Callable[..., None]:
    """Wrap the main function of a stage script: a `StudyError` becomes one line and exit code 1.

    Anything else is a defect of the study itself and keeps its traceback.
    """

    @wraps(main)
    def wrapped(*args: object, **kwargs: object) -> None:
        try:
            main(*args, **kwargs)
        except StudyError as error:
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            sys.exit(1)

    return wrapped
