"""The command line of the stages that take a group, a member of one, or a seed."""

import sys
from collections.abc import Iterable

from stages.study.errors import StudyError


def group_argument(arguments: list[str] | None, stage: str, groups: Iterable[str]) -> str:
    """Return the name of the one group that a stage was called with.

    Whether there is a group of that name is for `EnsembleParams.group` to say.

    Args:
        arguments: what came after the stage's name; None: the process's own.
        stage: the stage's module in `stages`.
        groups: names to choose from.

    Raises:
        StudyError: if it is not exactly one.
    """
    (group,) = _given(arguments, stage, ["|".join(groups)])
    return group


def member_argument(arguments: list[str] | None, stage: str) -> tuple[str, int]:
    """Return the name of a group and the seed of its member, e.g. `unet 3`; else `StudyError`."""
    places = ["GROUP", "SEED"]
    group, seed = _given(arguments, stage, places)
    return group, _seed(seed, stage, places)


def members_argument(arguments: list[str] | None, stage: str) -> tuple[str, int | None]:
    """Return a group and the seed of its member, None for all of its members; else `StudyError`."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) == 1:
        return given[0], None
    return member_argument(given, stage)


def seed_argument(arguments: list[str] | None, stage: str) -> int:
    """Return the seed of the member that a stage was called with; else `StudyError`."""
    (seed,) = _given(arguments, stage, ["SEED"])
    return _seed(seed, stage, ["SEED"])


def _given(arguments: list[str] | None, stage: str, places: list[str]) -> list[str]:
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != len(places):
        raise StudyError(f"{_usage(stage, places)}, got {given}")
    return given


def _seed(given: str, stage: str, places: list[str]) -> int:
    if not given.isdecimal():
        raise StudyError(f"{_usage(stage, places)}, a whole number from 0 on, got '{given}'")
    return int(given)


def _usage(stage: str, places: list[str]) -> str:
    return f"usage: python -m stages.{stage} {' '.join(places)}"
