"""Slopes of ln CV on every predictor within structures, a panel a network."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.kit.dots import marker
from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import counted, number, share
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import surrogate_label, title

TARGET, PRIMARY = "cv", "std_mean"
COLUMNS = ["group", "target", "surrogate", "slope", "value", "low", "high"]
COLUMNS += ["permuted_low", "permuted_high"]
WITHIN, BETWEEN = "within", "between"
BELOW = 0.26  # rows from a slope within structures to that between them
GREY = "0.82"


def read_and_draw(facts: Facts) -> Figure:
    """Draw the slopes of the architectures."""
    return draw(analysed("slopes", COLUMNS), facts.groups)


def draw(table: pd.DataFrame, groups: Sequence[str]) -> Figure:
    """Draw the slopes of ln CV within structures, and between them.

    Args:
        table: columns `COLUMNS`, as in plots/analyse/slopes.csv; undefined slopes are not drawn.
        groups: the architectures, a panel each.
    """
    chosen = table[(table["target"] == TARGET) & table["group"].isin(groups)]
    rows = list(dict.fromkeys(chosen["surrogate"]))
    with rc_context(RC):
        figure = new_figure(2.1 + 1.75 * max(len(groups), 1), max(3.0, 1.3 + 0.36 * len(rows)))
        panels = figure.subplots(1, max(len(groups), 1), sharey=True, sharex=True, squeeze=False)
        ends = _ends(chosen)
        for axes, group in zip(panels[0], groups, strict=False):
            _panel(axes, chosen[chosen["group"] == group], rows, groups, ends)
            axes.set_title(title(group))
            axes.set_xlabel("slope of ln CV")
        first = panels[0, 0]
        first.set_yticks(range(len(rows)), [surrogate_label(name) for name in rows])
        for text, name in zip(first.get_yticklabels(), rows, strict=True):
            text.set_fontweight("bold" if name == PRIMARY else "normal")
        first.set_ylim(max(len(rows), 1) - 0.4, -0.6)
        figure.legend(handles=_handles(), loc="outside lower center", ncols=3)
    return figure


def _ends(table: pd.DataFrame) -> tuple[float, float]:
    """Return the range of slopes and of the permuted ones; intervals may leave it."""
    known = table[["value", "permuted_low", "permuted_high"]].to_numpy(np.float64)
    known = known[np.isfinite(known)]
    low, high = min([-0.5, *known.tolist()]), max([1.5, *known.tolist()])
    room = 0.12 * (high - low)
    return low - room, high + room


def _panel(
    axes: Axes,
    table: pd.DataFrame,
    rows: list[str],
    groups: Sequence[str],
    ends: tuple[float, float],
) -> None:
    for value, style in ((0.0, "-"), (1.0, "--")):
        axes.axvline(value, color="0.35", linewidth=0.9, linestyle=style, zorder=1)
    for point in table.itertuples():
        row, within = rows.index(point.surrogate), point.slope == WITHIN
        if within and np.isfinite(point.permuted_low):
            span = [point.permuted_low, point.permuted_high]
            axes.plot(span, [row, row], color=GREY, linewidth=9, solid_capstyle="butt", zorder=0)
        if np.isfinite(point.value):
            place = row if within else row + BELOW
            paint = colour(point.group, groups)
            width = 1.6 if within else 0.8
            _interval(axes, (point.low, point.high), place, ends, (paint, width))
            look = marker(point.group, groups)
            axes.plot(
                *(point.value, place, look),
                color=paint,
                markersize=5.5 if within else 4,
                markerfacecolor=paint if within else "white",
            )
    axes.set_xlim(*ends)
    axes.grid(axis="x", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)


def _interval(
    axes: Axes,
    span: tuple[float, float],
    row: float,
    ends: tuple[float, float],
    paint: tuple[str, float],
) -> None:
    """Draw an interval; an arrow where it goes on outside the panel."""
    if not np.isfinite(span).all():
        return
    low, high = np.clip(span, *ends)
    look, width = paint
    axes.plot([low, high], [row, row], color=look, linewidth=width)
    for end, limit, arrow in ((span[0], ends[0], "<"), (span[1], ends[1], ">")):
        if (end < limit) if arrow == "<" else (end > limit):
            axes.plot(limit, row, arrow, color=look, markersize=4, clip_on=False)


def _handles() -> list[Line2D]:
    dark: dict[str, Any] = {"color": "0.3", "linestyle": "", "marker": "o"}
    return [
        Line2D([], [], markersize=5.5, label="within structures", **dark),
        Line2D([], [], markersize=4, markerfacecolor="white", label="between structures", **dark),
        Line2D([], [], color=GREY, linewidth=7, label="wrong subjects"),
    ]


def caption(facts: Facts) -> str:
    """Return units, n, how to read the slopes, and what the test could find."""
    return (
        "Slope of ln CV on the logarithm of one predictor at a time: filled within structures"
        " (subjects compared; bold: the primary estimate), hollow between structures. Predictor and"
        f" CV from disjoint halves of the members; bars: {share(facts.params.level)} intervals,"
        " jackknife over subjects or structures; arrows: longer than the panel. Dashed: CV"
        f" proportional to the predictor; grey: the middle {share(facts.params.level)} of slopes"
        " with the predictors of other subjects. ln volume is a covariate."
        f" {_test(facts)}{pairs(facts)}."
    )


def _test(facts: Facts) -> str:
    """Return the smallest p of the test, and whether it can be significant after correction."""
    known = [facts.get("slopes", group, "permutations") or {} for group in facts.groups]
    least = [float(each["least_p"]) for each in known if "least_p" in each]
    if not least or not all(each.get("complete") for each in known):
        return ""
    words = (
        f"{counted(facts.n_subjects, 'subject')} can be exchanged in {known[0]['n']} ways: no p is"
        f" below {number(max(least), 3)}"
    )
    if max(least) * len(least) > 1.0 - facts.params.level:
        words += ", and none can be significant after correction for the networks"
    return f"{words}. "


FIGURE = StudyFigure(
    "slopes",
    "Primary endpoint: slope of variability on uncertainty within structures",
    "Slopes with intervals, a panel an architecture and a row a predictor; lines at zero and one,"
    " grey bars for wrong subjects.",
    caption,
    read_and_draw,
    good="Good: filled dots near 1 whose intervals exclude 0 and the grey bars.",
    part="predictors",
)
