"""The R^2 pair of each architecture beside its controls and its ceiling."""

from collections.abc import Sequence

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.style import RC, new_figure, title

ESTIMATES = {
    "in_sample": "in sample (the paper's)",
    "adjusted": "adjusted",
    "leave_exam_out": "exam left out",
    "leave_structure_out": "structure left out",
    "log_target": "in sample, ln CV",
    "within_structure": "within structures",
}
CHANCE = {"in_sample": "chance", "log_target": "chance", "within_structure": "chance_within"}
PREDICTORS = {"histogram": ("#56B4E9", "o", -0.13), "summary": ("#D55E00", "s", 0.13)}
LABELS = {"histogram": "histogram of the deviation", "summary": "its summaries"}
LEAST = -0.5  # worse predictions than this are drawn as arrows at the edge


def draw(table: pd.DataFrame, groups: Sequence[str]) -> Figure:
    """Draw one panel an architecture: points are R^2, ticks are what irrelevant predictors give.

    Args:
        table: columns group, predictors, estimate, r2, as in plots/regression.csv.
        groups: the architectures.
    """
    with rc_context(RC):
        figure = new_figure(3.6 * len(groups) + 1.4, 3.9)
        panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
        for axes, group in zip(panels, groups, strict=True):
            _panel(axes, table[table["group"] == group])
            axes.set_title(title(group))
        panels[len(groups) // 2].set_xlabel("R² of the volumes' coefficient of variation")
        panels[0].set_yticks(range(len(ESTIMATES)), ESTIMATES.values())
        panels[0].set_ylim(len(ESTIMATES) - 0.5, -0.5)
        figure.legend(handles=_legend(), loc="outside lower center", ncols=5, fontsize=8)
    return figure


def _panel(axes: Axes, table: pd.DataFrame) -> None:
    known = table.set_index(["predictors", "estimate"])["r2"].dropna().to_dict()
    for row, estimate in enumerate(ESTIMATES):
        for name, (colour, marker, offset) in PREDICTORS.items():
            value = known.get((name, estimate))
            if value is not None:
                _point(axes, value, row + offset, colour, marker)
            chance = known.get((name, CHANCE.get(estimate, "")))
            if chance is not None:
                axes.plot(chance, row + offset, "|", color="black", markersize=9)
        axes.axhline(row + 0.5, color="0.9", linewidth=0.7, zorder=0)
    within = len(ESTIMATES) - 1.5
    for scope, low, high in (("pooled", -0.5, within), ("within_structure", within, within + 1)):
        if ("ceiling", scope) in known:
            axes.plot([known["ceiling", scope]] * 2, [low, high], "--", color="black", lw=1.2)
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.set_xlim(LEAST - 0.04, 1.04)
    axes.tick_params(axis="y", length=0)


def _point(axes: Axes, value: float, row: float, colour: str, marker: str) -> None:
    if value < LEAST:
        axes.plot(LEAST, row, "<", color=colour, markersize=6)
        axes.text(LEAST + 0.05, row, f"{value:.1f}", va="center", fontsize=7, color=colour)
    else:
        axes.plot(value, row, marker, color=colour, markersize=6)


def _legend() -> list[Line2D]:
    points = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=LABELS[name])
        for name, (colour, marker, _) in PREDICTORS.items()
    ]
    return [
        *points,
        Line2D([], [], color="black", marker="|", linestyle="", label="irrelevant predictors"),
        Line2D([], [], color="black", linestyle="--", label="ceiling: CV is itself uncertain"),
    ]
