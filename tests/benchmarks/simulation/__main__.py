"""The analysis on generated cohorts whose truth is known: does it keep what it promises.

python -m tests.benchmarks.simulation [--repeats 500] [--minutes M] [--seed 0]
                                      [--only slopes ...] [--table FILE]
python -m tests.benchmarks.simulation --tiny

Each line of the table is a mean over cohorts, most of them a share (coverage, rejections), beside
the range that it must lie in: one number where theory gives it exactly. It fails further than three
Monte-Carlo standard errors outside; with 50 exact lines one does so by accident in every seventh
run of another seed. Where a method is known to promise too much or too little, the range says how
much and the line why. Exit code 1 if a line fails. `tests.benchmarks.simulation.summary` makes
docs/coverage.md of the tables that `--table` writes.
"""

import argparse
from collections.abc import Iterator
from math import inf
from pathlib import Path
from time import monotonic

import numpy as np
import pandas as pd

from stages.machine.progress import progress
from stages.study.seeds import stable_seed
from tests.benchmarks.simulation.catalogue import all_studies
from tests.benchmarks.simulation.study import FAILS, judge
from tests.benchmarks.tiny import parsed

REPEATS = 500  # about two hours on one core
LEAST = 2  # a standard error needs them
ROW = "{:<72}{:>16}{:>9}{:>9}  {}"


def main(arguments: list[str] | None = None) -> None:
    """Run the studies, print the table, exit with 1 if a line fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--minutes", type=float, default=inf, help="then no further repeat begins")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="beginnings of names of studies")
    parser.add_argument("--table", type=Path, help="CSV file of all lines")
    options = parsed(parser, arguments, repeats=2, only=["components"])
    if options.repeats < LEAST:
        parser.error(f"expected at least {LEAST} repeats, got {options.repeats}")
    wanted = tuple(options.only) if options.only else ("",)
    studies = {name: study for name, study in all_studies().items() if name.startswith(wanted)}
    if unknown := [start for start in wanted if not any(n.startswith(start) for n in studies)]:
        parser.error(f"--only: expected beginnings of names of studies, got {', '.join(unknown)}")
    generators = {n: np.random.default_rng(stable_seed(n, options.seed)) for n in studies}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in studies}
    repeats = within(options.repeats, options.minutes)
    for _ in progress(repeats, desc="repeats", total=options.repeats):
        for name, study in studies.items():
            rng = generators[name]
            found[name] += [study.cohort(rng) for _ in range(study.per_repeat)]
    print(ROW.format("quantity", "expected", "found", "error", "verdict"))
    rows = [r for n, study in studies.items() for r in judge(n, study, pd.DataFrame(found[n]))]
    for row in rows:
        print(ROW.format(*row.cells))
    if options.table:
        pd.DataFrame(rows).to_csv(options.table, index=False)
    n_failed = sum(row.verdict == FAILS for row in rows)
    print(f"{n_failed} of {len(rows)} lines fail")
    raise SystemExit(bool(n_failed))


def within(repeats: int, minutes: float) -> Iterator[int]:
    """Yield the number of each repeat: two, and further ones while there is time.

    Args:
        repeats: at most so many.
        minutes: since the first one began.
    """
    begin = monotonic()
    for repeat in range(repeats):
        if repeat >= LEAST and monotonic() - begin > 60 * minutes:
            break
        yield repeat


if __name__ == "__main__":
    main()
