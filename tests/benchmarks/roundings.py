"""The headline of the default study as three processors would round it.

    python -m tests.benchmarks.roundings work/roundings --out docs/roundings.md

The study of the current commit runs in a clone a setting: with no vector instructions beyond SSE4.2
(`none`), with AVX2 (`avx2`) and with all that the processor has (`own`); same code, seeds and
parameters, other orders of summation. Two at a time, each about half an hour; what is interrupted
goes on. The table has one row a number that may be a headline, a difference of two groups and an
R^2 in sample: its value under each setting, how far they are from each other relative to their
mean, how many of the ordered pairs of settings lie within the interval, and whether it is a
headline under all settings. A number that moves by more than a tenth of itself, or leaves its
interval, should be none.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations, product
from pathlib import Path
from typing import Any, NamedTuple

from stages.statistics.questions.headline import NUMBERS, headline, numbers
from stages.storage.files import read_json
from stages.study import layout
from tests.kernels import ROOT, Setting

SETTINGS = {
    "none": Setting("none", "avx2", 1),
    "avx2": Setting("avx2", "avx2", 1),
    "own": Setting("own", "own", 1),
}
UNDEFINED = "-"
DIFFERENCES = ("cv_difference", "absolute_bias_difference")
IN_SAMPLE = "prediction"  # the question that has R^2
HEADER = """# The default study under three roundings

Same code, seeds and parameters; other vector instructions, and so other orders of summation: none
beyond SSE4.2 (`none`), AVX2 (`avx2`), all of one processor (`own`). Trainings amplify the last
bits, so that the networks of two settings differ as those of other seeds do. ± is half of the 95 %
interval over subjects and members. A number is a headline (`metrics/headline.json`) where that half
is small (`stages/statistics/questions/headline.py`): what moves by more than a tenth is none.
`python -m tests.benchmarks.roundings FOLDER --out docs/roundings.md` repeats it.

"""

Metrics = Mapping[str, Any]
"""Question -> tree of its metrics."""


class Number(NamedTuple):
    """A number of the headline; half the width of its interval, where it has one."""

    value: float
    half_width: float | None


class Row(NamedTuple):
    """A number under all settings."""

    name: str
    numbers: tuple[Number, ...]
    headline: bool
    """Whether it is one under all settings."""

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
        values = (_text(number) for number in self.numbers)
        return [
            self.name,
            *values,
            f"{100 * self.moved:.1f} %",
            held,
            "yes" if self.headline else "no",
        ]


def _text(number: Number) -> str:
    if number.half_width is None:
        return f"{number.value:.4g}"
    return f"{number.value:.4g} ± {number.half_width:.2g}"


def leaves(tree: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Number]]:
    """Yield numbers by their path of keys.

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
            yield from leaves(found, path)
        elif isinstance(found, int | float):
            yield path, Number(float(found), None)


def rows(studies: Mapping[str, Metrics]) -> list[Row]:
    """Return the numbers that every setting has, in the order of the first.

    Args:
        studies: setting -> question -> tree of its metrics.
    """
    found = [
        dict(leaves(numbers(own))) | dict(differences(own)) | dict(in_sample(own))
        for own in studies.values()
    ]
    steady = [dict(leaves(headline(own))) for own in studies.values()]
    return [
        Row(name, tuple(other[name] for other in found), all(name in own for own in steady))
        for name in found[0]
        if all(name in other for other in found)
    ]


def differences(metrics: Metrics) -> Iterator[tuple[str, Number]]:
    """Yield the differences of every two groups, each pair once."""
    trees = {g: tree for g, tree in metrics["volumes"].items() if isinstance(tree, Mapping)}
    for name, kind in product(trees, DIFFERENCES):
        for other, leaf in trees[name].get(kind, {}).items():
            if list(trees).index(name) < list(trees).index(other):
                reach = (leaf["high"] - leaf["low"]) / 2.0
                yield f"{name}.{kind}.{other}", Number(leaf["value"], reach)


def in_sample(metrics: Metrics) -> Iterator[tuple[str, Number]]:
    """Yield the R^2 in sample of each network, which have no interval."""
    for group, tree in metrics.get(IN_SAMPLE, {}).items():
        yield from leaves(tree.get("r2", {}), f"{group}.r2")


def table(studies: Mapping[str, Metrics]) -> str:
    """Return the table as Markdown; argument of `rows`."""
    heads = ["number", *studies, "moved", "within the interval", "headline"]
    lines = [heads, ["---"] * len(heads), *(row.cells() for row in rows(studies))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def read_metrics(study: Path) -> Metrics:
    """Return what a study answered to the questions of the table."""
    names = {number.question for number in NUMBERS.values()} | {IN_SAMPLE}
    return {name: read_json(study / layout.metric("analyse", name)) for name in sorted(names)}


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


def main(arguments: list[str] | None = None) -> None:
    """Run what is missing, print and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the clones, outside of what Git tracks")
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--out", type=Path, help="Markdown file; none: only printed")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(run, options.folder, name) for name in options.only]:
            done.result()
    text = HEADER + table({name: read_metrics(options.folder / name) for name in options.only})
    print(text, end="")
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
