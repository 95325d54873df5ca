"""What docs/analysis-plan.md says that a cohort can detect."""

from pathlib import Path

from tests.benchmarks import marked

PLAN = Path(__file__).parents[3] / "docs/analysis-plan.md"
NAME = "detectable"
BEGIN, END = marked.markers(NAME)
SLOPE = "slope "

Cell = tuple[int, int, float]
"""Subjects, members, slope."""


def inserted(text: str, table: str) -> str:
    """Return a document with the table between its markers."""
    return marked.inserted(text, NAME, table)


def planned(text: str | None = None) -> dict[Cell, float]:
    """Return the power of a single network's test in each cell of the table.

    Args:
        text: the document; None for the file.
    """
    text = PLAN.read_text(encoding="utf-8") if text is None else text
    lines = text.split(BEGIN, 1)[1].split(END, 1)[0].splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    slopes = [float(name.removeprefix(SLOPE)) for name in rows[0][2:]]
    return {
        (int(n), int(m), slope): float(value.split()[0])
        for n, m, *values in rows[2:]
        for slope, value in zip(slopes, values, strict=True)
    }
