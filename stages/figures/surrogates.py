"""How well each surrogate predicts the CV of volumes, by what it needs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.noise_ceilings import CEILINGS, Ceilings, ceilings
from stages.figures.kit.phrasing import share
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import surrogate_label, title

PANELS = {"within_structure_r2": "Within structures", "pooled_r2": "Pooled over structures"}
SCOPES = {"within_structure_r2": "within_structure", "pooled_r2": "pooled"}  # of the ceilings
CEILING = "Noise ceiling: ln CV is itself uncertain"
COSTS = {"A": "images only", "B": "and one segmentation", "C": "all segmentations"}
MARKERS = ("o", "s", "^", "D", "v", "P")
GAP = 0.9  # rows between two kinds, for the name of the kind
BAND = 0.62  # fraction of a row that its groups fill
LIGHT = 0.28  # opacity of the range of ceilings behind every point


def read_and_draw(facts: Facts) -> Figure:
    """Draw the surrogates of the architectures."""
    columns = ["group", "surrogate", "kind", "estimate", "n", "value", "low", "high"]
    limits = ["group", "scope", "statistic", "estimate", "value", "low", "high"]
    tables = analysed("surrogates", columns), analysed("inference", limits)
    return draw(*tables, facts.groups)


def draw(table: pd.DataFrame, inference: pd.DataFrame, groups: Sequence[str]) -> Figure:
    """Draw R^2 of ln CV on the logarithm of each surrogate, and how high it could be.

    The ceilings of an architecture stand in rows of their own with their intervals, and behind
    each of its points as the range between the two estimates: a point on it reaches the ceiling.

    Args:
        table: columns group, surrogate, kind, estimate, n, value, low, high, as in
            plots/analyse/surrogates.csv; undefined values are not drawn.
        inference: columns group, scope, statistic, estimate, value, low, high, as in
            plots/analyse/inference.csv.
        groups: the architectures, in the order of the points.
    """
    chosen = table[table["group"].isin(groups)]
    rows, heads = _layout(chosen)
    limits = {name: ceilings(inference[inference["group"] == name]) for name in groups}
    bottom = max(rows.values()) + 0.6
    with rc_context(RC):
        figure = new_figure(9.6, 1.9 + 0.34 * bottom)
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (estimate, name) in zip(panels, PANELS.items(), strict=True):
            part = chosen[chosen["estimate"] == estimate].dropna(subset=["value"])
            _panel(axes, part, groups, rows)
            _panel_ceilings(axes, limits, SCOPES[estimate], rows)
            axes.set_title(f"{name}{_count(part)}")
            axes.set_xlabel("R² of ln CV on ln surrogate")
        labels = [CEILINGS.get(name) or surrogate_label(name) for name in rows]
        panels[0].set_yticks([*rows.values(), *heads.values()], [*labels, *heads])
        for text in panels[0].get_yticklabels()[len(rows) :]:
            text.set_fontweight("bold")
        panels[0].set_ylim(bottom, -0.6)
        if groups:
            handles = [*(_handle(groups, name) for name in groups), _range_handle()]
            figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _layout(table: pd.DataFrame) -> tuple[dict[str, float], dict[str, float]]:
    blocks = {CEILING: list(CEILINGS)}
    for kind, part in table.groupby("kind", sort=True):
        blocks[f"{kind}: {COSTS.get(kind, '')}"] = list(part["surrogate"].unique())
    rows: dict[str, float] = {}
    heads: dict[str, float] = {}
    row = 0.0
    for head, names in blocks.items():
        heads[head] = row
        rows |= {name: row + GAP + k for k, name in enumerate(names)}
        row += GAP + len(names) + 0.2
    return rows, heads


def _count(part: pd.DataFrame) -> str:
    if part.empty:
        return ""
    low, high = part["n"].min(), part["n"].max()
    return f" (n = {low} pairs)" if low == high else f" (n = {low}–{high} pairs)"


def _offset(g: int, n_groups: int) -> float:
    return (g - (n_groups - 1) / 2) * BAND / n_groups


def _panel(axes: Axes, table: pd.DataFrame, groups: Sequence[str], rows: dict[str, float]) -> None:
    for g, group in enumerate(groups):
        paint: dict[str, Any] = {"color": colour(group, groups)}
        marker = MARKERS[g % len(MARKERS)]
        for point in table[table["group"] == group].itertuples():
            row = rows[point.surrogate] + _offset(g, len(groups))
            if pd.notna(point.low) and pd.notna(point.high):
                axes.plot([point.low, point.high], [row, row], linewidth=1.4, **paint)
            axes.plot(point.value, row, marker, markersize=5, **paint)
    for row in rows.values():
        axes.axhline(row, color="0.93", linewidth=0.7, zorder=0)
    axes.grid(axis="x", color="0.9", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlim(-0.03, 1.03)
    axes.tick_params(axis="y", length=0)


def _panel_ceilings(
    axes: Axes, limits: dict[str, Ceilings], scope: str, rows: dict[str, float]
) -> None:
    groups = list(limits)
    for g, group in enumerate(groups):
        paint: dict[str, Any] = {"color": colour(group, groups)}
        own = {name: ends for (where, name), ends in limits[group].items() if where == scope}
        offset = _offset(g, len(groups))
        for name, (value, low, high) in own.items():
            row = rows[name] + offset
            if np.isfinite(low):
                axes.plot([low, high], [row, row], linewidth=1.4, **paint)
            marker = MARKERS[g % len(MARKERS)]
            axes.plot(value, row, marker, markersize=5, fillstyle="none", **paint)
        ends = [value for value, _, _ in own.values()]
        beside = [row + offset for name, row in rows.items() if name not in CEILINGS]
        for row in beside if ends else []:
            wide: dict[str, Any] = {"linewidth": 6, "alpha": LIGHT, "solid_capstyle": "butt"}
            axes.plot([min(ends), max(ends)], [row, row], zorder=1, **wide, **paint)
            axes.plot(ends, [row] * len(ends), "|", markersize=6.5, zorder=1, **paint)


def _handle(groups: Sequence[str], group: str) -> Line2D:
    marker = MARKERS[list(groups).index(group) % len(MARKERS)]
    return Line2D(
        [], [], color=colour(group, groups), marker=marker, markersize=5, label=title(group)
    )


def _range_handle() -> Line2D:
    label = "noise ceiling, between its two estimates (thin bars: bootstrap over subjects)"
    return Line2D([], [], color="0.4", alpha=2 * LIGHT, linewidth=6, label=label)


def caption(facts: Facts) -> str:
    """Return units, n and how to read the points."""
    return (
        "R² of ln CV on the logarithm of one surrogate at a time, within structures (left) and over"
        f" all (right); bars: {share(facts.params.level)} intervals from"
        f" {facts.params.bootstrap_draws} bootstrap draws of subjects. Shaded: the most"
        " that a perfect"
        " predictor could reach, between two estimates. A point on the shade reaches the noise"
        f" noise ceiling. {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "surrogates",
    "What predicts the variability",
    "Dots with intervals, a row a surrogate and a colour an architecture.",
    caption,
    read_and_draw,
)
