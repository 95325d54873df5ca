"""Summary of the simulation, for the docs.

python -m tests.benchmarks.simulation.summary TABLE [TABLE ...] [--keep PAGE] [--out FILE]

Tables are those of `python -m tests.benchmarks.simulation --table`. Cells of a design whose lines
promise the same make one row: how many they are, and the lowest and the highest that was found.
Of a page that is kept, rows remain whose kind of study no table has.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from tests.benchmarks.simulation.catalogue import all_studies
from tests.benchmarks.simulation.study import FAILS, Row, Study

Cells = tuple[str, ...]
"""A row of the page, as `HEADS`."""

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
After a run of some kinds of studies alone, by `--only`, `--keep docs/coverage.md` keeps the rows of
all others.

"""
KIND, CELLS, OUTSIDE = (HEADS.index(name) for name in ("simulation", "cells", "outside"))
PROMISE = [HEADS.index(name) for name in ("simulation", "quantity", "expected", "cells", "note")]


def summary(lines: pd.DataFrame) -> str:
    """Return the page, Markdown.

    Args:
        lines: a row a line, as `study.Row`.
    """
    return page(list(rows(lines)), lines["study"].nunique())


def extended(kept: str, lines: pd.DataFrame, studies: Mapping[str, Study]) -> str:
    """Return a page with the rows of lines, and with its own of all other kinds of studies.

    Kinds are in the order of the studies; one that no study has any longer is left out.

    Args:
        kept: the page.
        lines: a row a line, as `study.Row`.
        studies: name -> study, all that there are.

    Raises:
        ValueError: what stands there is no such page, or its rows or the lines are not what the
            studies of a kind promise.
    """
    new = list(rows(lines))
    found = new + [row for row in page_rows(kept) if row[KIND] not in {own[KIND] for own in new}]
    order = list(dict.fromkeys(kind_of(name) for name in studies))
    found = sorted((row for row in found if row[KIND] in order), key=lambda r: order.index(r[KIND]))
    promised = {kind: set[Cells]() for kind in order}
    for row in rows(_unjudged(studies)):
        promised[row[KIND]].add(_promise(row))
    kinds = list(dict.fromkeys(row[KIND] for row in found))
    for kind in kinds:
        if {_promise(row) for row in found if row[KIND] == kind} != promised[kind]:
            raise ValueError(
                f"{kind}: expected rows of all its studies as they are now, got others: run it "
                f"again, --only {kind!r}"
            )
    return page(found, sum(kind_of(name) in kinds for name in studies))


def page(table: Sequence[Cells], n_cells: int) -> str:
    """Return the page of rows.

    Args:
        table: from `rows`.
        n_cells: studies that they are of.
    """
    n_outside, n_lines = (sum(int(row[place]) for row in table) for place in (OUTSIDE, CELLS))
    written = "".join(f"| {' | '.join(row)} |\n" for row in (HEADS, ("---",) * len(HEADS), *table))
    return HEADER.format(n_cells=n_cells, n_outside=n_outside, n_lines=n_lines) + written


def page_rows(text: str) -> list[Cells]:
    """Return the rows of a page.

    Raises:
        ValueError: it has no table of `HEADS`, or a row of other length.
    """
    lines = [line for line in text.splitlines() if line.startswith("|")]
    table = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in lines]
    if not table or any(len(row) != len(HEADS) for row in table) or table[0] != HEADS:
        raise ValueError(f"page to keep: expected a table of {', '.join(HEADS)}, got another")
    return table[2:]


def kind_of(study: str) -> str:
    """Return the kind of a study by its name."""
    return study.split(",", 1)[0]


def _promise(row: Cells) -> Cells:
    return tuple(row[place] for place in PROMISE)


def _unjudged(studies: Mapping[str, Study]) -> pd.DataFrame:
    """Return all lines of the studies, nothing found."""
    return pd.DataFrame(
        Row(name, quantity, line.low, line.high, 0.0, 0.0, 0, "", line.note)
        for name, study in studies.items()
        for quantity, line in study.lines.items()
    )


def rows(lines: pd.DataFrame) -> Iterator[Cells]:
    """Yield the cells of a row for all lines of a kind of study that promise the same."""
    known = lines.assign(kind=lines["study"].map(kind_of), note=lines["note"].fillna(""))
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the page, and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--keep", type=Path, help="page whose rows of other studies remain")
    parser.add_argument("--out", type=Path, help="Markdown file; none: only printed")
    options = parser.parse_args(arguments)
    lines = pd.concat([pd.read_csv(path) for path in options.tables], ignore_index=True)
    try:
        kept = options.keep.read_text(encoding="utf-8") if options.keep else ""
        text = extended(kept, lines, all_studies()) if options.keep else summary(lines)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(text, end="")
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
