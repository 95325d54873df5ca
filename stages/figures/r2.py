"""R² and correlations of each architecture beside their controls and their noise ceilings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.noise_ceilings import CEILINGS, Ceilings, ceilings
from stages.figures.kit.phrasing import share
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import title

POOLED, WITHIN = "pooled", "within_structure"
CHANCE = {
    "in_sample": "random_predictor",
    "log_target": "random_predictor",
    "within_structure": "random_predictor_within",
}
SERIES = {
    "histogram": ("histogram of the SD", "#56B4E9", "o"),
    "summary": ("its summaries", "#D55E00", "s"),
    "pearson": ("Pearson, mean SD", "#0072B2", "o"),
    "spearman": ("Spearman, mean SD", "#CC79A7", "s"),
}
LINES = {"split_half": ":", "analytic": "--"}
APART = 0.13  # rows between the two series
GAP = 0.5  # rows between two scopes
Rows = dict[tuple[str, str], float]  # scope and name of a row -> its height
# row and series -> value, ends of its interval, and the random-predictor baseline; NaN: not drawn
Dots = dict[tuple[str, str], tuple[float, float, float, float]]


@dataclass(frozen=True)
class Half:
    """What one half of the figure shows."""

    rows: dict[str, dict[str, str]]
    """Scope -> name -> label."""
    series: tuple[str, str]
    """The two of each row."""
    label: str
    least: float
    """Smaller values are drawn as arrows at the edge."""


R2 = Half(
    rows={
        POOLED: {
            "in_sample": "in sample (the paper's)",
            "adjusted": "adjusted",
            "leave_one_subject_out": "leave-one-subject-out",
            "leave_one_structure_out": "leave-one-structure-out",
            "log_target": "in sample, ln CV",
        },
        WITHIN: {"within_structure": "within structures"},
    },
    series=("histogram", "summary"),
    label="R² of the volumes' coefficient of variation",
    least=-0.5,
)
CORRELATION = Half(
    rows={
        POOLED: {"pooled": "pooled"},
        # neither holds what sets structures apart: they share a ceiling
        WITHIN: {
            "within_structure": "within structures",
            "per_structure_mean": "mean over structures",
        },
    },
    series=("pearson", "spearman"),
    label="correlation with the volumes' coefficient of variation",
    least=-1.0,
)


def read_and_draw(facts: Facts) -> Figure:
    """Draw the published regressions with their controls and noise ceilings."""
    table = analysed("regression", ["group", "predictors", "estimate", "r2"])
    columns = ["group", "scope", "statistic", "estimate", "value", "low", "high"]
    return draw(table, analysed("inference", columns), facts.groups)


def draw(table: pd.DataFrame, inference: pd.DataFrame, groups: Sequence[str]) -> Figure:
    """Draw R² above and correlations below, one panel an architecture; diamonds: noise ceilings.

    The ceiling of a correlation is the square root of that of R².

    Args:
        table: columns group, predictors, estimate, r2, as in plots/analyse/regression.csv.
        inference: columns group, scope, statistic, estimate, value, low, high, as in
            plots/analyse/inference.csv.
        groups: the architectures.
    """
    own = {name: inference[inference["group"] == name] for name in groups}
    dots = {name: r2_dots(table[table["group"] == name], own[name]) for name in groups}
    limits = {name: ceilings(part) for name, part in own.items()}
    roots = {
        name: {key: tuple(np.sqrt(ends)) for key, ends in found.items()}
        for name, found in limits.items()
    }
    with rc_context(RC):
        figure = new_figure(3.6 * len(groups) + 1.4, 7.2)
        above, below = figure.subfigures(2, 1, height_ratios=(1.35, 1.0))  # type: ignore[misc]  # two
        _half(above, R2, dots, limits)
        _half(below, CORRELATION, {name: r_dots(part) for name, part in own.items()}, roots)
    return figure


def r2_dots(table: pd.DataFrame, inference: pd.DataFrame) -> Dots:
    """Return R^2 of both sets of predictors; the paper's, in sample, have intervals.

    Args:
        table: one group of plots/analyse/regression.csv.
        inference: the same group of plots/analyse/inference.csv.
    """
    known = table.set_index(["predictors", "estimate"])["r2"].to_dict()
    chosen = inference[inference["estimate"] == "in_sample_r2"].set_index("statistic")
    bars = {("in_sample", name): tuple(row) for name, row in chosen[["low", "high"]].iterrows()}
    return {
        (name, series): (
            known.get((series, name), np.nan),
            *bars.get((name, series), (np.nan, np.nan)),
            known.get((series, CHANCE.get(name, "")), np.nan),
        )
        for part in R2.rows.values()
        for name in part
        for series in R2.series
    }


def r_dots(inference: pd.DataFrame) -> Dots:
    """Return both coefficients of the mean voxelwise SD with their intervals.

    Args:
        inference: one group of plots/analyse/inference.csv.
    """
    chosen = inference[inference["statistic"] == "mean"].set_index(["scope", "estimate"])
    rows = {key: tuple(row) for key, row in chosen[["value", "low", "high"]].iterrows()}
    return {
        (name, series): (*rows.get((name, series), (np.nan,) * 3), np.nan)
        for part in CORRELATION.rows.values()
        for name in part
        for series in CORRELATION.series
    }


def _half(part: SubFigure, half: Half, dots: dict[str, Dots], limits: dict[str, Ceilings]) -> None:
    rows = _layout(half)
    panels = part.subplots(1, len(dots), sharey=True, squeeze=False)[0]
    for axes, group in zip(panels, dots, strict=True):
        _draw_ceilings(axes, limits[group], rows)
        _draw_dots(axes, half, dots[group], rows)
        axes.set_title(title(group))
        axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
        axes.set_xlim(half.least - 0.04, 1.04)
        axes.tick_params(axis="y", length=0)
    names = [(CEILINGS | half.rows[scope])[name] for scope, name in rows]
    panels[0].set_yticks(list(rows.values()), names)
    panels[0].set_ylim(max(rows.values()) + 0.5, -0.5)
    panels[len(panels) // 2].set_xlabel(half.label)
    handles = _legend(half)
    place = {"loc": "outside lower center", "ncols": len(handles)}
    part.legend(handles=handles, fontsize=8, handlelength=3.2, **place)


def _layout(half: Half) -> Rows:
    rows: Rows = {}
    for scope, names in half.rows.items():
        first = max(rows.values()) + 1.0 + GAP if rows else 0.0
        rows |= {(scope, name): first + k for k, name in enumerate([*CEILINGS, *names])}
    return rows


def _draw_ceilings(axes: Axes, limits: Ceilings, rows: Rows) -> None:
    for (scope, estimate), (value, low, high) in limits.items():
        row = rows[scope, estimate]
        end = max(height for (where, _), height in rows.items() if where == scope) + 0.4
        axes.plot([value, value], [row, end], LINES[estimate], color="black", lw=1.2, zorder=1)
        if np.isfinite(low):
            axes.plot([low, high], [row, row], color="black", lw=1.4)
        axes.plot(value, row, "D", color="black", markersize=4.5)


def _draw_dots(axes: Axes, half: Half, dots: Dots, rows: Rows) -> None:
    heights = {name: height for (_, name), height in rows.items()}
    for (name, series), (value, low, high, chance) in dots.items():
        row = heights[name] + (2 * half.series.index(series) - 1) * APART
        _, colour, marker = SERIES[series]
        if np.isfinite(low):
            axes.plot([low, high], [row, row], color=colour, lw=1.4)
        if value < half.least:
            axes.plot(half.least, row, "<", color=colour, markersize=6)
            note: dict[str, Any] = {"va": "center", "fontsize": 8, "color": colour}
            axes.text(half.least + 0.05, row, f"{value:.1f}", **note)
        elif np.isfinite(value):
            axes.plot(value, row, marker, color=colour, markersize=5.5)
        if np.isfinite(chance):
            axes.plot(chance, row, "|", color="black", markersize=8)
    for height in rows.values():
        axes.axhline(height, color="0.93", linewidth=0.7, zorder=0)


def _legend(half: Half) -> list[Line2D]:
    points = [
        Line2D([], [], color=colour, marker=marker, markersize=5.5, label=label)
        for label, colour, marker in (SERIES[name] for name in half.series)
    ]
    chance = Line2D(
        [], [], color="black", marker="|", linestyle="", label="random-predictor baseline"
    )
    limits = [
        Line2D([], [], color="black", marker="D", markersize=4.5, linestyle=line, label=label)
        for label, line in ((CEILINGS[name], LINES[name]) for name in CEILINGS)
    ]
    return [*points, *([chance] if half is R2 else []), *limits]


def caption(facts: Facts) -> str:
    """Return units, n and how to read the rows."""
    return (
        "Above: R² of the paper's two regressions of CV on the voxelwise standard deviation, in"
        " sample, with its controls, and its noise ceilings over all structures (upper rows) and"
        " within them (lower rows). Below: correlations of CV with the mean standard deviation, and"
        f" their noise ceilings. Bars: {share(facts.params.level)} intervals over subjects. A"
        " predictor is of use where it exceeds the random-predictor baseline in"
        " leave-one-subject-out cross-validation, too."
        f" {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "r2",
    "The paper's regressions and their controls",
    "Dots of R² with intervals, controls and noise ceilings.",
    caption,
    read_and_draw,
)
