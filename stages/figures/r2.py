"""R² and correlations of each architecture beside baselines, controls and noise ceilings."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.noise_ceilings import LABEL, Ceilings, ceilings, roots
from stages.figures.kit.phrasing import share
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import PerGroup, StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import title

POOLED, WITHIN, HALVES, BASELINES = "pooled", "within_structure", "halves", "baselines"
DISJOINT = {POOLED: "disjoint_pooled", WITHIN: "disjoint_within"}  # rows of the other half
WRONG = {"in_sample": "wrong_subject", "within_structure": "wrong_subject_within"}
EXPLAINED, CORRELATED = "explained", "correlation"
HEADINGS = {
    EXPLAINED: "The paper's regressions and their controls",
    CORRELATED: "Correlations with the mean standard deviation",
}
SERIES = {
    "histogram": ("histogram of the SD", "#56B4E9", "o"),
    "summary": ("its summaries", "#D55E00", "s"),
    "pearson": ("Pearson, mean SD", "#0072B2", "o"),
    "spearman": ("Spearman, mean SD", "#CC79A7", "s"),
    "baseline": ("not from the SD", "black", "X"),
}
APART = 0.15  # rows between the two series
GAP = 0.5  # rows between two blocks
Rows = dict[tuple[str, str], float]  # block and name of a row -> its height


class Dot(NamedTuple):
    """A value with its interval, and what predictors of another subject reach; NaN: not drawn."""

    value: float
    low: float = np.nan
    high: float = np.nan
    wrong_mean: float = np.nan
    wrong_p95: float = np.nan


Dots = dict[tuple[str, str], Dot]
"""Row and series -> its dot."""


@dataclass(frozen=True)
class Half:
    """What one half of the figure shows."""

    rows: dict[str, dict[str, str]]
    """Block -> name -> label."""
    series: tuple[str, ...]
    """The two of each row, and that of the baselines."""
    label: str
    least: float
    """Smaller values explain nothing and are drawn as arrows at the edge."""


R2 = Half(
    rows={
        BASELINES: {
            "structure_only": "structure only, in sample",
            "volume_only": "ln volume alone, in sample",
            "volume_only_left_out": "ln volume alone, leave-one-subject-out",
        },
        POOLED: {
            "in_sample": "in sample (the paper's)",
            "adjusted": "adjusted",
            "leave_one_subject_out": "leave-one-subject-out",
            "leave_one_structure_out": "leave-one-structure-out",
            "beside_volume": "in sample, of what ln volume leaves",
            "log_target": "in sample, ln CV",
        },
        WITHIN: {
            "within_structure": "within structures",
            "beside_volume_within": "within, of what ln volume leaves",
        },
        HALVES: {
            DISJOINT[POOLED]: "in sample, other half's ln CV",
            DISJOINT[WITHIN]: "within, other half's ln CV",
        },
    },
    series=("histogram", "summary", "baseline"),
    label="R² of the volumes' coefficient of variation",
    least=-0.5,
)
CORRELATION = Half(
    rows={
        POOLED: {"pooled": "pooled"},
        WITHIN: {
            "within_structure": "within structures",
            "per_structure_mean": "mean over structures",
        },
        HALVES: {
            DISJOINT[POOLED]: "other half's ln CV",
            DISJOINT[WITHIN]: "other half's ln CV, within",
        },
    },
    series=("pearson", "spearman"),
    label="correlation with the volumes' coefficient of variation",
    least=-1.0,
)


def read_and_draw(facts: Facts, name: str) -> Figure:
    """Draw the published regressions, or the correlations, with controls and noise ceilings."""
    columns = ["group", "scope", "statistic", "estimate", "value", "low", "high"]
    inference = analysed("inference", columns)
    if name == CORRELATED:
        return draw_correlations(inference, facts.groups)
    table = analysed("regression", ["group", "predictors", "estimate", "r2"])
    return draw_r2(table, inference, facts.groups)


def draw_r2(table: pd.DataFrame, inference: pd.DataFrame, groups: Sequence[str]) -> Figure:
    """Draw R² of the regressions and their controls, one panel an architecture.

    They stand beside no noise ceiling: R² in sample of nine predictors exceeds it by what it fits.

    Args:
        table: columns group, predictors, estimate, r2, as in plots/analyse/regression.csv.
        inference: columns group, scope, statistic, estimate, value, low, high, as in
            plots/analyse/inference.csv.
        groups: the architectures.
    """
    dots = {
        name: r2_dots(table[table["group"] == name], inference[inference["group"] == name])
        for name in groups
    }
    none: dict[str, Ceilings] = {name: {} for name in groups}
    return _drawn(R2, dots, none, 5.4)


def draw_correlations(inference: pd.DataFrame, groups: Sequence[str]) -> Figure:
    """Draw correlations, one panel an architecture; diamonds: noise ceilings.

    Noise ceilings stand only in the rows of disjoint halves, which they bound.

    Args:
        inference: columns group, scope, statistic, estimate, value, low, high, as in
            plots/analyse/inference.csv.
        groups: the architectures.
    """
    own = {name: inference[inference["group"] == name] for name in groups}
    dots = {name: r_dots(part) for name, part in own.items()}
    limits = {name: roots(ceilings(part)) for name, part in own.items()}
    return _drawn(CORRELATION, dots, limits, 3.2)


def r2_dots(table: pd.DataFrame, inference: pd.DataFrame) -> Dots:
    """Return R^2 of both sets of predictors, of the baselines and of disjoint halves.

    Args:
        table: one group of plots/analyse/regression.csv.
        inference: the same group of plots/analyse/inference.csv.
    """
    known = table.set_index(["predictors", "estimate"])["r2"].to_dict()
    dots: Dots = {}
    for name in (*R2.rows[POOLED], *R2.rows[WITHIN]):
        for series in ("histogram", "summary"):
            wrong = [
                known.get((series, f"{WRONG.get(name, '')}_{end}"), np.nan)
                for end in ("mean", "p95")
            ]
            value = known.get((series, name), np.nan)
            dots[name, series] = Dot(value, np.nan, np.nan, *wrong)
    alone = {
        "structure_only": ("structure_only", "in_sample"),
        "volume_only": ("volume_only", "in_sample"),
        "volume_only_left_out": ("volume_only", "leave_one_subject_out"),
    }
    dots |= {(name, "baseline"): Dot(known.get(key, np.nan)) for name, key in alone.items()}
    rows = inference.set_index(["scope", "estimate"])["value"].to_dict()
    for scope, name in DISJOINT.items():
        keys = ("disjoint_r2", "disjoint_wrong_subject_mean", "disjoint_wrong_subject_p95")
        value, *wrong = (rows.get((scope, key), np.nan) for key in keys)
        dots[name, "summary"] = Dot(value, np.nan, np.nan, *wrong)
    return dots


def r_dots(inference: pd.DataFrame) -> Dots:
    """Return the coefficients of the mean voxelwise SD that are defined, with their intervals.

    Args:
        inference: one group of plots/analyse/inference.csv.
    """
    chosen = inference[(inference["statistic"] == "mean") & np.isfinite(inference["value"])]
    names = {(scope, "disjoint"): (row, "pearson") for scope, row in DISJOINT.items()}
    known = {name for block in CORRELATION.rows.values() for name in block}
    return {
        key: Dot(value, low, high)
        for scope, estimate, value, low, high in chosen[
            ["scope", "estimate", "value", "low", "high"]
        ].itertuples(index=False)
        if (key := names.get((scope, estimate), (scope, estimate)))[0] in known
    }


def _drawn(half: Half, dots: dict[str, Dots], limits: dict[str, Ceilings], height: float) -> Figure:
    with rc_context(RC):
        figure = new_figure(3.6 * len(dots) + 1.9, height)
        _panels(figure, half, dots, limits)
    return figure


def _panels(part: Figure, half: Half, dots: dict[str, Dots], limits: dict[str, Ceilings]) -> None:
    rows = _layout(half, dots)
    panels = part.subplots(1, len(dots), sharey=True, squeeze=False)[0]
    for axes, group in zip(panels, dots, strict=True):
        _draw_ceilings(axes, limits[group], rows)
        _draw_dots(axes, half, dots[group], rows)
        axes.set_title(title(group))
        axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
        axes.set_xlim(half.least - 0.04, 1.04)
        axes.set_xticks(np.arange(half.least, 1.01, 0.5))
        axes.tick_params(axis="y", length=0)
    names = [half.rows[block][name] for block, name in rows]
    panels[0].set_yticks(list(rows.values()), names)
    panels[0].set_ylim(max(rows.values(), default=0.0) + 0.5, -0.5)
    panels[len(panels) // 2].set_xlabel(half.label)
    handles = _legend(half)
    place = {"loc": "outside lower center", "ncols": len(handles)}
    part.legend(handles=handles, fontsize=8, handlelength=2.2, **place)


def _layout(half: Half, dots: dict[str, Dots]) -> Rows:
    """Return the heights of the rows; a mean over structures of few subjects has none."""
    defined = {name for found in dots.values() for (name, _), dot in found.items() if dot}
    rows: Rows = {}
    for block, names in half.rows.items():
        shown = [name for name in names if name != "per_structure_mean" or name in defined]
        first = max(rows.values()) + 1.0 + GAP if rows else 0.0
        rows |= {(block, name): first + k for k, name in enumerate(shown)}
    return rows


def _draw_ceilings(axes: Axes, limits: Ceilings, rows: Rows) -> None:
    for scope, (value, low, high) in limits.items():
        row = rows[HALVES, DISJOINT[scope]] - APART
        if np.isfinite(low):
            axes.plot([low, high], [row, row], color="black", lw=1.4)
        axes.plot(value, row, "D", color="black", markersize=4.5)


def _draw_dots(axes: Axes, half: Half, dots: Dots, rows: Rows) -> None:
    heights = {name: height for (_, name), height in rows.items()}
    for (name, series), dot in dots.items():
        if name not in heights:
            continue
        below = {0: -APART, 1: APART}.get(half.series.index(series), 0.0)
        row = heights[name] + (APART if name in DISJOINT.values() else below)
        _, colour, marker = SERIES[series]
        if np.isfinite(dot.wrong_p95):
            ends = [dot.wrong_mean, dot.wrong_p95]
            axes.plot(ends, [row, row], color="0.72", lw=6, solid_capstyle="butt", zorder=1)
        if np.isfinite(dot.low):
            axes.plot([dot.low, dot.high], [row, row], color=colour, lw=1.4)
        if dot.value < half.least:
            axes.plot(half.least, row, "<", color=colour, markersize=6)
            note: dict[str, Any] = {"va": "center", "fontsize": 8, "color": colour}
            axes.text(half.least + 0.05, row, "none", **note)
        elif np.isfinite(dot.value):
            axes.plot(dot.value, row, marker, color=colour, markersize=5.5)
    for height in rows.values():
        axes.axhline(height, color="0.93", linewidth=0.7, zorder=0)


def _legend(half: Half) -> list[Line2D]:
    points = [
        Line2D([], [], color=colour, marker=marker, markersize=5.5, ls="", label=label)
        for label, colour, marker in (SERIES[name] for name in half.series)
    ]
    wrong = Line2D(
        [], [], color="0.72", lw=6, label="another subject's predictors, mean to 95th percentile"
    )
    ceiling = Line2D([], [], color="black", marker="D", markersize=4.5, label=LABEL)
    return [*points, wrong if half is R2 else ceiling]


def caption(facts: Facts, name: str) -> str:
    """Return units, n and how to read the rows."""
    level = share(facts.params.level)
    if name == CORRELATED:
        return (
            "Correlations of CV with the mean standard deviation; bars:"
            f" {level} intervals over subjects, of pooled ones over subjects and structures. Last"
            " rows: predictors from one half of the members, ln CV from the other; diamonds: the"
            " correlation that a perfect predictor would reach there, with its interval. No other"
            " row has a noise ceiling: what comes from the same members shares their noise."
            f" {pairs(facts)}."
        )
    return (
        "R² of the paper's two regressions of CV on the voxelwise standard deviation, in sample, as"
        " the paper reads them, with their controls. Grey: R² of the same predictors with another"
        " subject's values, structures kept: an R² within the grey reflects differences between"
        " structures, not between scans. Arrows: nothing is explained, the mean predicts"
        " better. Last rows: predictors from one half of the members, ln CV from the other."
        f" {pairs(facts)}."
    )


def of_question(name: str) -> StudyFigure:
    """Return the figure of R², or that of correlations."""
    return StudyFigure(
        f"r2_{name}",
        HEADINGS[name],
        "Dots of R² or correlations, with baselines, controls and noise ceilings.",
        partial(caption, name=name),
        partial(read_and_draw, name=name),
        good="Good: values beyond those of another subject, also in left-out subjects.",
        questions=("prediction", "inference"),
    )


FIGURE = PerGroup(lambda _: tuple(HEADINGS), of_question)
