"""Progress bars for everything that takes longer than a few seconds."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tqdm import tqdm

type Advance = Callable[[], object]
"""Called after each piece of work of a stage, whose one bar it moves."""

LOG_INTERVAL_S = 10.0  # a bar that is written to a log file need not be redrawn more often


def progress(
    iterable: Iterable[Any] | None = None,
    *,
    desc: str,
    total: int | None = None,
    unit: str = "it",
    done: int = 0,
) -> tqdm:
    """Return a progress bar on stderr; in a log file it is redrawn every ten seconds only.

    Args:
        iterable: what it counts; None: `update` does.
        desc, total, unit: as they are printed.
        done: where it begins, of work that goes on.
    """
    interval = 0.1 if sys.stderr.isatty() else LOG_INTERVAL_S
    return tqdm(iterable, desc=desc, total=total, unit=unit, mininterval=interval, initial=done)


def unseen() -> None:
    """Move no bar: an `Advance` of work that has none."""


def counted[Item](items: Iterable[Item], advance: Advance) -> Iterator[Item]:
    """Yield every item, and move a bar that others share after each."""
    for item in items:
        yield item
        advance()
