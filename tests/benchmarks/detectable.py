"""What a cohort can detect: power of the primary test by simulation, as a table and a figure.

python -m tests.benchmarks.detectable [--repeats 300] [--seed 0] [--tiny]

Writes the table between the markers of docs/analysis-plan.md, and docs/detectable.svg. Cohorts are
those of the simulation of slopes, the test is that of question `slopes`. `--tiny` only prints.
"""

import argparse
from collections.abc import Sequence
from itertools import product

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.figures.kit.style import RC, new_figure
from stages.machine.progress import progress
from stages.statistics.families import PRIMARY, adjusted
from stages.statistics.methods.permuted_slopes import mean_slope, permutation_p, permuted_slopes
from stages.statistics.methods.subject_orders import subject_orders
from stages.study.seeds import stable_seed
from tests.benchmarks.simulation.plan import PLAN, SLOPE, Cell, inserted
from tests.benchmarks.simulation.slopes import Relation, tables_of
from tests.benchmarks.simulation.study import TEST
from tests.benchmarks.tiny import parsed

PICTURE = PLAN.with_name("detectable.svg")
SUBJECTS, MEMBERS, SLOPES = (4, 8, 12, 20, 40), (4, 8, 12), (0.0, 0.25, 0.5, 1.0)
REPEATS = 300
ORDERS = 240  # TEST and TEST / NETWORKS of them are whole numbers
NETWORKS = 3

Powers = dict[Cell, tuple[float, float]]
"""Fraction of cohorts that reject: one network's test at `TEST`; one of `NETWORKS` by Holm."""


def p_value(relation: Relation, rng: np.random.Generator) -> float:
    """Return p of the primary test of one network's cohort."""
    tables = tables_of(relation, rng)
    order = subject_orders(tables[0].subject, ORDERS, rng).order
    _, statistic = mean_slope([permuted_slopes(table, order) for table in tables])
    return permutation_p(statistic)


def rejections(p: np.ndarray) -> tuple[float, float]:
    """Return the power of a single test, and of the same one among `NETWORKS` alike.

    Args:
        p: (n_repeats,), of independent cohorts; neighbours are taken for networks of one study.
    """
    rejects = p <= TEST + 1e-9
    trios = p[: len(p) // NETWORKS * NETWORKS].reshape(-1, NETWORKS)
    by_holm = [adjusted(trio, PRIMARY.method) <= TEST + 1e-9 for trio in trios]
    return float(rejects.mean()), float(np.mean(by_holm))


def powers(repeats: int, seed: int, subjects: Sequence[int] = SUBJECTS) -> Powers:
    """Return the power of every cell of the grid, of some numbers of subjects."""
    found = {}
    for cell in progress(list(product(subjects, MEMBERS, SLOPES)), desc="cohorts"):
        n_subjects, n_members, slope = cell
        rng = np.random.default_rng(stable_seed("detectable", cell, seed))
        relation = Relation(n_subjects, n_members, within=slope)
        found[cell] = rejections(np.array([p_value(relation, rng) for _ in range(repeats)]))
    return found


def markdown(found: Powers, repeats: int) -> str:
    """Return the table, rows of subjects and members, a column a slope, and its precision."""
    lines = [
        f"{repeats} cohorts a cell; standard error at most {0.5 / np.sqrt(repeats):.2f}.",
        "",
        "| subjects | members | " + " | ".join(f"{SLOPE}{slope:g}" for slope in SLOPES) + " |",
        "|---|---|" + "---|" * len(SLOPES),
    ]
    for n, m in dict.fromkeys((n, m) for n, m, _ in found):
        cells = [f"{one:.2f} ({holm:.2f})" for one, holm in (found[n, m, s] for s in SLOPES)]
        lines.append(f"| {n} | {m} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(found: Powers) -> Figure:
    """Draw power against the number of subjects, a panel a slope, a line a number of members."""
    with rc_context(RC):
        figure = new_figure(10.0, 3.3)
        panels = figure.subplots(1, len(SLOPES), sharey=True)
        for axes, slope in zip(panels, SLOPES, strict=True):
            _panel(axes, found, slope)
        panels[0].set_ylabel("rejections (fraction)")
        panels[-1].legend(title="members", fontsize=8, loc="center right")
        figure.supxlabel("subjects", fontsize=9)
    return figure


def _panel(axes: Axes, found: Powers, slope: float) -> None:
    for m, marker in zip(MEMBERS, "os^", strict=True):
        one = [found[n, m, slope][0] for n in SUBJECTS]
        axes.plot(SUBJECTS, one, marker=marker, ms=4.5, lw=1.2, label=str(m))
    axes.axhline(TEST, color="0.6", linestyle=":", lw=1.0, zorder=0)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xticks(SUBJECTS)
    axes.set_title(f"slope {slope:g}")
    axes.grid(color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)


def main(arguments: list[str] | None = None) -> None:
    """Write table and figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--seed", type=int, default=0)
    options = parsed(parser, arguments, repeats=NETWORKS)
    if options.repeats < NETWORKS:
        parser.error(f"expected at least {NETWORKS} repeats, got {options.repeats}")
    found = powers(options.repeats, options.seed, SUBJECTS[: 1 if options.tiny else None])
    if not options.tiny:
        text = PLAN.read_text(encoding="utf-8")
        PLAN.write_text(inserted(text, markdown(found, options.repeats)), encoding="utf-8")
        with rc_context({"svg.hashsalt": "detectable"}):
            draw(found).savefig(PICTURE, metadata={"Date": None})
    print(markdown(found, options.repeats))


if __name__ == "__main__":
    main()
