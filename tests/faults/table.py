"""The table of what was lost: a row a fault, and all of them together."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

NAMES = {
    "killed": "process group killed (SIGKILL) at a random moment",
    "never killed": "ended before each of many kills, not tried",
    "dvc repro killed": "`dvc repro` and all that it runs killed",
    "dvc repro again": "`dvc repro` after these kills, to the end",
    "disk full": "disk full",
    "read-only": "read-only disk",
    "dead worker": "a worker process killed",
    "no memory": "no memory beyond what the imports take (8, 64, 520 MB)",
    "jumping clock": "a wall clock that jumps by days",
    "second dvc repro": "a second `dvc repro`",
    "cache full": "DVC's cache full",
    "not made": "a defect of the trial itself",
}
NEARLY = 4  # stages by which a row may differ from the first one and be told by them


@dataclass(frozen=True)
class Outcome:
    """What came of one trial.

    lost: a whole result is gone, or the run after the fault did not end well. wrong: something
    partial under a final name, or other bytes in the end. untold: no line that says what to do.
    """

    fault: str
    stage: str
    lost: bool = False
    wrong: bool = False
    untold: bool = False
    note: str = ""


def table(outcomes: list[Outcome]) -> list[str]:
    """Return a table in Markdown: how many trials of each fault lost or falsified what."""
    lines = ["| fault | where | n | lost | wrong | no advice |", "|---|---|---|---|---|---|"]
    everywhere = frozenset(o.stage for o in outcomes if o.fault == "killed")
    for fault, name in NAMES.items():
        if these := [o for o in outcomes if o.fault == fault]:
            first = fault == "killed"
            lines.append(row(name, where(these, frozenset() if first else everywhere), these))
    return [*lines, row("all", "", outcomes)]


def row(name: str, place: str, outcomes: list[Outcome]) -> str:
    """Return a row of the table."""
    counts = [sum(getattr(o, key) for o in outcomes) for key in ("lost", "wrong", "untold")]
    return "| " + " | ".join(map(str, (name, place, len(outcomes), *counts))) + " |"


def where(outcomes: Iterable[Outcome], everywhere: frozenset[str]) -> str:
    """Return the stages of some trials, by the number of trials of each.

    Args:
        everywhere: stages that a row above names; those of a row that nearly has them all are not
            named again.
    """
    counts = Counter(o.stage for o in outcomes)
    missing = sorted(everywhere - counts.keys())
    if everywhere and len(missing) < NEARLY < len(counts) and counts.keys() <= everywhere:
        return "the same" + (f" without {', '.join(missing)}" if missing else "")
    if len(counts) == 1:
        return next(iter(counts))
    parts = []
    for n in sorted(set(counts.values()), reverse=True):
        named = [stage for stage, number in counts.items() if number == n]
        many = f"{len(named)} stages, " if len(named) > NEARLY else ""
        parts.append(f"{many}{n} each: {', '.join(named)}")
    return "; ".join(parts)
