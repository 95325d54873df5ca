"""The headline of the default study as three processors would round it.

    python -m tests.benchmarks.roundings work/roundings --out docs/roundings.md

The study of the current commit runs in a clone a setting: with no vector instructions beyond SSE4.2
(`none`), with AVX2 (`avx2`) and with all that the processor has (`own`); same code, seeds and
parameters, other orders of summation. Two at a time, each about half an hour; what is interrupted
goes on. The table has one row a number: its value under each setting, how far they are from each
other relative to their mean, and how many of the pairs of settings lie within each other's
interval. A number that moves by more than a tenth of itself, or leaves its interval, is no
headline.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

from stages.storage.files import read_json
from stages.study import layout
from tests.kernels import ROOT, Setting

SETTINGS = {
    "none": Setting("none", "avx2", 1),
    "avx2": Setting("avx2", "avx2", 1),
    "own": Setting("own", "own", 1),
}
MOST_MOVED = 0.1  # of itself
UNDEFINED = "-"


class Number(NamedTuple):
    """A number of the headline; half the width of its interval, where it has one."""

    value: float
    half_width: float | None


class Row(NamedTuple):
    """A number under all settings."""

    name: str
    numbers: tuple[Number, ...]

    @property
    def moved(self) -> float:
        """Return the largest difference relative to the mean."""
        values = [number.value for number in self.numbers]
        mean = sum(values) / len(values)
        return (max(values) - min(values)) / abs(mean) if mean else float("inf")

    @property
    def held(self) -> tuple[int, int] | None:
        """Return how many ordered pairs of settings are within the interval, and how many are."""
        pairs = [(a, b) for a, b in permutations(self.numbers, 2) if a.half_width is not None]
        if not pairs:
            return None
        inside = sum(abs(a.value - b.value) <= (a.half_width or 0.0) for a, b in pairs)
        return inside, len(pairs)

    def cells(self) -> list[str]:
        """Return the cells of the table."""
        held = UNDEFINED if self.held is None else "{} of {}".format(*self.held)
        return [self.name, *(_text(n) for n in self.numbers), f"{100 * self.moved:.1f} %", held]


def _text(number: Number) -> str:
    if number.half_width is None:
        return f"{number.value:.4g}"
    return f"{number.value:.4g} ± {number.half_width:.2g}"


def numbers(tree: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Number]]:
    """Yield the numbers of a headline, by their path of keys.

    Args:
        tree: nested; a leaf is a number, or `value` with `half_width`.
        name: path of the tree.
    """
    if "value" in tree:
        yield name, Number(float(tree["value"]), tree.get("half_width"))
        return
    for key, found in tree.items():
        path = f"{name}.{key}" if name else key
        if isinstance(found, Mapping):
            yield from numbers(found, path)
        elif isinstance(found, int | float):
            yield path, Number(float(found), None)


def rows(headlines: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Return the numbers that every setting has, in the order of the first."""
    found = [dict(numbers(tree)) for tree in headlines.values()]
    names = [name for name in found[0] if all(name in other for other in found)]
    return [Row(name, tuple(other[name] for other in found)) for name in names]


def table(headlines: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table as Markdown."""
    heads = ["number", *headlines, "moved", "within the interval"]
    lines = [heads, ["---"] * len(heads), *(row.cells() for row in rows(headlines))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def run(folder: Path, name: str) -> None:
    """Run the study in a clone of its own under a setting; what is done already is kept."""
    clone = folder / name
    if not clone.exists():
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    environment = SETTINGS[name].environment()
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    with (folder / f"{name}.log").open("a") as log:
        subprocess.run(
            ["dvc", "repro"], cwd=clone, env=environment, stdout=log, stderr=log, check=True
        )


def main() -> None:
    """Run what is missing, print and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the clones, outside of what Git tracks")
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--out", type=Path, help="Markdown file; none: only printed")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(run, options.folder, name) for name in options.only]:
            done.result()
    found = {n: read_json(options.folder / n / layout.HEADLINE) for n in options.only}
    text = table(found)
    print(text, end="")
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
