"""Calibration of ensembles: rank histograms, and spread against error."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title
from stages.statistics.questions.calibration import rank_histogram, spread_skill

COLUMNS_A_ROW = 3
MARKERS = "osD^vP"


def read_and_draw(facts: Facts) -> Figure:
    """Draw the ensembles against true volumes where they are known, else the fully sampled ones."""
    measured = ["n_members", "error", "spread", "below", "equal"]
    table = analysed("calibration", ["group", "structure", "target", *measured])
    target = "truth" if (table["target"] == "truth").any() else "reference"
    label = {"truth": "true volume", "reference": "fully sampled volume"}[target]
    return draw(table[table["target"] == target], facts.groups, label)


def draw(table: pd.DataFrame, groups: Sequence[str], target: str = "true volume") -> Figure:
    """Draw a rank histogram an architecture and, last, spread against error of each structure.

    Args:
        table: columns group, structure, n_members, error, spread, below, equal, as in
            plots/analyse/calibration.csv; NaN rows are left out.
        groups: the architectures.
        target: what the volumes were compared with, as it is printed.
    """
    table = table.dropna(subset=["error", "spread", "below", "equal"])
    with rc_context(RC):
        n_panels = len(groups) + 1
        n_columns = min(n_panels, COLUMNS_A_ROW + 1)
        n_rows = -(-n_panels // n_columns)
        figure = new_figure(3.0 * n_columns, 3.1 * n_rows)
        panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axes, group in zip(panels, groups, strict=False):
            _ranks(axes, table[table["group"] == group], colour(group, groups), target)
            axes.set_title(title(group))
        _one_scale(list(panels[: len(groups)]))
        _spread(panels[n_panels - 1], table, groups, target)
        for axes in panels[n_panels:]:
            axes.remove()
    return figure


def _ranks(axes: Axes, pair_table: pd.DataFrame, fill: str, target: str) -> None:
    axes.set_xlabel(f"members below the\n{target}")
    axes.set_ylabel(f"fraction of {len(pair_table)}\nstructures × scans")
    if pair_table.empty:
        axes.text(0.5, 0.5, "no data", ha="center", transform=axes.transAxes)
        return
    n_members = int(pair_table["n_members"].iloc[0])
    ranks = rank_histogram(
        pair_table["below"].to_numpy(), pair_table["equal"].to_numpy(), n_members
    )
    axes.bar(np.arange(n_members + 1), ranks, width=0.85, color=fill)
    flat = 1.0 / (n_members + 1)
    axes.axhline(flat, color="black", linestyle="--", linewidth=1.1)
    top = max(ranks.max(), flat)
    axes.set_ylim(0, 1.32 * top)
    ratio = spread_skill(pair_table["spread"].to_numpy(), pair_table["error"].to_numpy(), n_members)
    note = f"{n_members} members, spread/error {ratio:.2f}\ndashed: calibrated"
    axes.text(0.5, 0.99, note, ha="center", va="top", fontsize=8, transform=axes.transAxes)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _one_scale(panels: Sequence[Axes]) -> None:
    """Let equal heights mean equal fractions in all panels."""
    top = max(axes.get_ylim()[1] for axes in panels)
    for axes in panels:
        axes.set_ylim(0, top)


def _spread(axes: Axes, table: pd.DataFrame, groups: Sequence[str], target: str) -> None:
    drawn = []
    for g, group in enumerate(groups):
        pair_table = table[table["group"] == group]
        if pair_table.empty:
            continue
        n_members = int(pair_table["n_members"].iloc[0])
        squares = (pair_table[["error", "spread"]] ** 2).groupby(pair_table["structure"]).mean()
        error = np.sqrt(squares["error"].to_numpy())
        spread = np.sqrt(squares["spread"].to_numpy() * (n_members + 1) / n_members)
        shown = (error > 0) & (spread > 0)  # the rest has no place on logarithmic axes
        style: dict[str, Any] = {
            "color": colour(group, groups),
            "marker": MARKERS[g % len(MARKERS)],
        }
        axes.plot(error[shown], spread[shown], linestyle="", alpha=0.75, ms=4.5, **style)
        axes.lines[-1].set_label(title(group))
        drawn += [error[shown], spread[shown]]
    axes.set_title("Spread and error")
    axes.set_xlabel(f"error of the mean,\nr.m.s. (% of {target})")
    axes.set_ylabel("spread × √((M+1)/M),\nr.m.s. (%)")
    values = np.concatenate(drawn) if drawn else np.empty(0)
    if not len(values):
        return
    low, high = values.min() / 1.4, values.max() * 1.4
    axes.plot([low, high], [low, high], "--", color="black", linewidth=1.1)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    axes.set_box_aspect(1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 3), numticks=12))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.legend(
        loc="best", fontsize=8, handletextpad=0.1, title="one point a structure", title_fontsize=8
    )


def caption(facts: Facts) -> str:
    """Return units, n and how to read bars and points."""
    target = "true" if facts.get("calibration", "truth") else "fully sampled"
    return (
        f"Bars: fraction of structure-scan pairs whose {target} volume has so many members"
        " below it; level bars would mean that it is one of them. Points, one a structure:"
        f" spread of the members against the error of their mean (% of the {target} volume, root"
        " mean square over scans, logarithmic). Below the diagonal the ensemble is too sure of"
        f" itself. {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "calibration",
    "Does the spread indicate the error?",
    "Histograms of ranks, and a scatter plot of spread and error.",
    caption,
    read_and_draw,
)
