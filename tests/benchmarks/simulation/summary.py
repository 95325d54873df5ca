"""Summary of the simulation, for the docs.

python -m tests.benchmarks.simulation.summary TABLE [TABLE ...] --out docs/coverage.md

Tables are those of `python -m tests.benchmarks.simulation --table`. Cells of a design whose lines
promise the same make one row: how many they are, and the lowest and the highest that was found.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from tests.benchmarks.simulation.study import FAILS

HEADS = (
    "simulation",
    "quantity",
    "expected",
    "cells",
    "found",
    "cohorts a cell",
    "outside",
    "note",
)
HEADER = """# Do intervals cover, and do tests hold their level?

Cohorts are generated whose truth is known, and analysed as the study is: {n_cells} designs,
in most of them 4, 8 and 20 subjects, 4 and 12 members, 0, 0.3 and 0.65 of the members' variance an
offset that all scans share, and normal or t-distributed (5 degrees of freedom) errors. Intervals
are those of 95 %, tests those of 0.05; *expected* is the range in which the mean over cohorts must
lie. *Outside* counts the cells that are more than three Monte Carlo standard errors out of it:
{n_outside} of {n_lines} lines are. Ranges wider than the nominal value by more than 0.02 have a
note: there the method is known to promise too much or too little.

`python -m tests.benchmarks.simulation --table lines.csv` runs it (2 hours on one core),
`python -m tests.benchmarks.simulation.summary lines.csv --out docs/coverage.md` writes this page.

"""


def summary(lines: pd.DataFrame) -> str:
    """Return the page, Markdown.

    Args:
        lines: a row a line, as `study.Row`.
    """
    cells = [HEADS, ("---",) * len(HEADS), *rows(lines)]
    table = "".join(f"| {' | '.join(row)} |\n" for row in cells)
    n_outside = int((lines["verdict"] == FAILS).sum())
    counts = {"n_cells": lines["study"].nunique(), "n_outside": n_outside, "n_lines": len(lines)}
    return HEADER.format(**counts) + table


def rows(lines: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield the cells of a row for all lines of a kind of study that promise the same."""
    known = lines.assign(kind=lines["study"].str.split(",").str[0], note=lines["note"].fillna(""))
    for (kind, quantity), own in known.groupby(["kind", "quantity"], sort=False):
        # a range that is a cell's own (a known power, say) is compared, not listed
        relative = own["low"].nunique() > 3
        keys = ["note"] if relative else ["low", "high", "note"]
        for _, part in own.groupby(keys, sort=False):
            shown = part.assign(found=part["found"] - part[["low", "high"]].mean(axis=1))
            shown, expected = (
                (shown, "the cell's") if relative else (part, _range(part, "low", "high"))
            )
            yield (
                str(kind),
                str(quantity),
                expected,
                str(len(part)),
                _range(shown, "found", "found"),
                _range(part, "n", "n"),
                str(int((part["verdict"] == FAILS).sum())),
                str(part["note"].iloc[0]),
            )


def _range(part: pd.DataFrame, low: str, high: str) -> str:
    ends = (f"{part[low].min():.3g}", f"{part[high].max():.3g}")
    return " to ".join(dict.fromkeys(ends))


def main() -> None:
    """Print the page, and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="Markdown file; none: only printed")
    options = parser.parse_args()
    text = summary(pd.concat([pd.read_csv(path) for path in options.tables], ignore_index=True))
    print(text, end="")
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
