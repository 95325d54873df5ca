"""How well cortical thickness is measured on phantoms of known thickness, and how long it takes.

python -m tests.benchmarks.thickness [--heads 6] [--seed 0] [--tiny]

Spherical shells and folded sheets have an exact thickness. Digital heads have the one that their
cortex is built with, between 1.8 and 3.4 mm times the size of the head; the distance that they are
built by is only about the distance from the pial surface. Labels are those of the head at 1 mm, and
the majority in voxels of 2 mm. Prints a row a phantom: error in mm, CPU seconds; and below, for
heads, the mean error, its SD and the correlation with the truth.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

import numpy as np

from stages.anatomy import head
from stages.anatomy.cerebrum import FOLDING
from stages.anatomy.variation import Subject, draw_subject
from stages.anatomy.view import majority
from stages.measures.members import Grid
from stages.measures.thickness.mean_thickness import map_thickness
from stages.storage.nifti import affine
from tests.benchmarks.tiny import parsed
from tests.measures.thickness.phantoms import folded, shell
from tests.measures.thickness.test_lengths import EDGE_MM, labelled, mean_of

THICKNESS_MM = (1.8, 3.4)  # of the heads, before their size
SHELLS = ((15.0, 2.5), (20.0, 2.0), (20.0, 3.0), (30.0, 2.5), (30.0, 4.0))  # radius, thickness, mm
SHEETS_MM = (1.5, 2.0, 2.5, 3.0, 3.4)
FULL_SIZE = (256, 218, 170)  # of a 1 mm image


def report(name: str, truth: float, measure: Callable[[], float]) -> float:
    """Print and return what a phantom's thickness is measured as, mm."""
    start = time.process_time()
    found = measure()
    seconds = time.process_time() - start
    print(f"| {name} | {truth:.2f} | {found - truth:+.3f} | {seconds:.2f} |", flush=True)
    return found


def phantom_head(seed: int, thick: float) -> tuple[np.ndarray, float]:
    """Return labels at 1 mm of a head and its true thickness, mm."""
    drawn: list[Subject] = []

    def draw(rng: np.random.Generator, age_years: float | None) -> Subject:
        own = draw_subject(rng, age_years)
        at_age = FOLDING.thickness + FOLDING.thickness_ageing * own.ageing
        drawn.append(replace(own, thickness=thick / at_age))
        return drawn[-1]

    with patch.object(head, "draw_subject", draw):
        labels = head.digital_head(seed).labels
    size = head.MEAN_SCALE * float(np.mean(drawn[0].scale))
    return labels, thick * size


def whole(labels: np.ndarray, size_mm: float) -> float:
    """Return the mean thickness of the whole cortex of a label map, mm."""
    grid = Grid(labels.shape, affine(labels.shape, (size_mm,) * 3, "SAR"))
    return map_thickness(labels, grid)["cortex"]


def simple_phantoms(sizes_mm: tuple[int, ...]) -> None:
    """Print shells and folded sheets, as fractions of voxels and as labels."""
    for size in sizes_mm:
        for radius, thick in SHELLS:
            ball = shell(radius, thick, float(size))
            name = f"shell of {radius:g} mm, voxels of {size} mm, fractions"
            report(name, thick, lambda b=ball, s=size: mean_of(b, s))
        for number, thick in enumerate(SHEETS_MM):
            sheet = folded(thick, number, size)
            for kind, own in (("fractions", sheet), ("labels", labelled(sheet))):
                name = f"folded sheet, voxels of {size} mm, {kind}"
                report(name, thick, lambda o=own, s=size: mean_of(o, s, EDGE_MM))


def heads(n_heads: int, seed: int) -> None:
    """Print digital heads, and how their measured thickness follows the truth."""
    truths, found = [], {1: [], 2: []}
    for number, thick in enumerate(np.linspace(*THICKNESS_MM, n_heads)):
        labels, truth = phantom_head(seed + number, float(thick))
        truths.append(truth)
        coarse = majority(labels, tuple(n // 2 for n in labels.shape), 2)
        for size, own in ((1, labels), (2, coarse)):
            name = f"head, voxels of {size} mm, labels"
            found[size].append(report(name, truth, lambda o=own, s=size: whole(o, s)))
    full = np.pad(
        labels, [(0, max(n - m, 0)) for n, m in zip(FULL_SIZE, labels.shape, strict=True)]
    )
    report(
        f"head in {'x'.join(map(str, full.shape))} voxels of 1 mm", truth, lambda: whole(full, 1)
    )
    for size, values in found.items():
        error, r = np.subtract(values, truths), np.corrcoef(values, truths)[0, 1]
        slope = np.polyfit(truths, values, 1)[0]
        print(
            f"heads at {size} mm: error {error.mean():+.2f} mm, SD {error.std(ddof=1):.2f}, largest"
            f" {np.abs(error).max():.2f}; r = {r:.3f}, slope {slope:.2f}, n = {len(values)}"
        )


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", type=int, default=6, help="0: shells and sheets alone")
    parser.add_argument("--seed", type=int, default=0)
    options = parsed(parser, arguments, heads=0)
    print("| phantom | truth, mm | error, mm | CPU, s |\n|---|---|---|---|")
    simple_phantoms((2,) if options.tiny else (1, 2))
    if options.heads:
        heads(options.heads, options.seed)


if __name__ == "__main__":
    main()
