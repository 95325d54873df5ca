"""The command line of the stages that take one group."""

import sys
from collections.abc import Iterable

from stages.study.errors import StudyError


def group_argument(arguments: list[str] | None, stage: str, groups: Iterable[str]) -> str:
    """Return the one group that a stage was called with.

    Whether there is a group of that name is for `EnsembleParams.members` to say.

    Args:
        arguments: what came after the stage's name; None: the process's own.
        stage: the stage's module in `stages`.
        groups: names to choose from.

    Raises:
        StudyError: if it is not exactly one.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1:
        raise StudyError(f"usage: python -m stages.{stage} {'|'.join(groups)}, got {given}")
    return given[0]
