"""Several versions of the study side by side: variability, bias, and how well CV is predicted."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import surrogate_label, title

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000")  # Okabe and Ito 2008
MARKERS = "osD^v"
BAND = 0.4  # fraction of a row that its revisions fill
PANELS = {
    "cv": "coefficient of variation (%)",
    "bias": "bias (%)",
    "r2": "R²; surrogates: within structures",
}
REGRESSIONS = {
    "histogram": "regression, histogram",
    "global": "regression, common bins",
    "summary": "regression, summary",
}
N_SHOWN = 6  # differing parameters in the title
WIDTH, ROW = 3.3, 0.24  # inches of a column and of a row


def draw(table: pd.DataFrame, differences: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw a column for each group that varies: CV, bias, R² with intervals; a colour a revision.

    Args:
        table: columns revision, group, quantity, item, value, low, high.
        differences: parameter -> revision -> value.
    """
    table = table[table["item"] != "median"]
    revisions = list(dict.fromkeys(table["revision"]))
    groups = list(dict.fromkeys(table.loc[table["quantity"] == "cv", "group"]))
    merged = table.replace({"quantity": {"surrogate_r2": "r2", "regression_r2": "r2"}})
    parts = {name: merged[merged["quantity"] == name] for name in PANELS}
    items = {name: list(dict.fromkeys(part["item"])) for name, part in parts.items()}
    heights = [ROW * len(items[name]) + 0.7 for name in PANELS]
    with rc_context(RC):
        figure = new_figure(WIDTH * len(groups) + 2.2, sum(heights) + 0.6 + 0.2 * N_SHOWN)
        grid = figure.subplots(
            len(PANELS),
            len(groups),
            sharey="row",
            sharex="row",
            squeeze=False,
            height_ratios=heights,
        )
        for panels, name in zip(grid, PANELS, strict=True):
            shown = {group: parts[name][parts[name]["group"] == group] for group in groups}
            _row(panels, shown, items[name], revisions)
            for axes in panels:
                axes.set_xlabel(PANELS[name])
        for axes, group in zip(grid[0], groups, strict=True):
            axes.set_xscale("log")
            axes.set_title(title(group))
        for axes in grid[1]:
            axes.axvline(0, color="0.7", lw=0.8, zorder=0)
        handles = [_handle(grid[0, 0], revisions, name) for name in revisions]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
        figure.suptitle(_heading(differences), fontsize=9)
    return figure


def _row(
    panels: Sequence[Axes],
    parts: Mapping[str, pd.DataFrame],
    items: Sequence[str],
    revisions: Sequence[str],
) -> None:
    for axes, part in zip(panels, parts.values(), strict=True):
        _panel(axes, part, items, revisions)
        axes.set_visible(len(part) > 0)
    panels[0].set_yticks(range(len(items)), [_label(item) for item in items])
    panels[0].set_ylim(len(items) - 0.4, -0.6)


def _panel(axes: Axes, part: pd.DataFrame, items: Sequence[str], revisions: Sequence[str]) -> None:
    offsets = np.linspace(-BAND / 2, BAND / 2, len(revisions)) if len(revisions) > 1 else [0.0]
    for position, (revision, offset) in enumerate(zip(revisions, offsets, strict=True)):
        mine = part[part["revision"] == revision]
        y = np.array([items.index(item) for item in mine["item"]]) + offset
        style: dict[str, Any] = {"color": COLOURS[position % len(COLOURS)], "zorder": 3}
        axes.hlines(y, mine["low"], mine["high"], lw=1.2, **style)
        marker = MARKERS[position % len(MARKERS)]
        axes.plot(mine["value"], y, linestyle="", marker=marker, markersize=4.5, **style)
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)


def _handle(axes: Axes, revisions: Sequence[str], name: str) -> Any:
    position = revisions.index(name)
    colour, marker = COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]
    return axes.plot([], [], linestyle="", marker=marker, color=colour, label=name)[0]


def _label(item: str) -> str:
    return REGRESSIONS.get(item) or surrogate_label(item)


def _heading(differences: Mapping[str, Mapping[str, Any]]) -> str:
    if not differences:
        return "no parameter differs"
    lines = [
        f"{key}: " + "  |  ".join(str(value) for value in values.values())
        for key, values in list(differences.items())[:N_SHOWN]
    ]
    n_more = len(differences) - N_SHOWN
    return "\n".join(lines + ([f"and {n_more} more, see parameters.csv"] if n_more > 0 else []))
