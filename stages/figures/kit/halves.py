"""Dots of predictors from the other half of the members, beside those of the same members."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stages.figures.kit.dots import SIZE, marker, shift
from stages.figures.kit.noise_ceilings import LABEL
from stages.figures.kit.style import colour

LIGHT = 0.45  # opacity of what is no prediction
GAP = 0.9  # rows between two blocks, for the name of the block


class Relation(NamedTuple):
    """Correlations of one predictor; NaN: not drawn."""

    disjoint: float = np.nan
    low: float = np.nan
    high: float = np.nan
    same: float = np.nan
    """Of the same members."""
    wrong: float = np.nan
    """Of the same members, with another subject's values."""


def draw_relations(
    axes: Axes,
    dots: Mapping[tuple[str, str], Relation],
    groups: Sequence[str],
    rows: Mapping[str, float],
) -> None:
    """Draw filled dots with intervals of the other half, hollow ones of the same members.

    Args:
        axes: where.
        dots: (group, row) -> relation.
        groups: from the top of a row to its bottom.
        rows: row -> height.
    """
    for (group, name), dot in dots.items():
        look: dict[str, Any] = {"color": colour(group, groups)}
        height, mark = rows[name] + shift(group, groups), marker(group, groups)
        if np.isfinite(dot.wrong):
            axes.plot(dot.wrong, height, "|", markersize=6, color="0.4", zorder=1)
        if np.isfinite(dot.same):
            hollow: dict[str, Any] = {"fillstyle": "none", "markersize": SIZE - 1, "alpha": LIGHT}
            axes.plot(dot.same, height, mark, **hollow, **look)
        if np.isfinite(dot.low) and np.isfinite(dot.high):
            axes.plot([dot.low, dot.high], [height, height], linewidth=1.4, **look)
        if np.isfinite(dot.disjoint):
            axes.plot(dot.disjoint, height, mark, markersize=SIZE, **look)
    for height in rows.values():
        axes.axhline(height, color="0.93", linewidth=0.7, zorder=0)
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.grid(axis="x", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlim(-1.04, 1.04)
    axes.set_xticks(np.linspace(-1.0, 1.0, 5))
    axes.tick_params(axis="y", length=0)


def draw_ceiling(
    axes: Axes,
    ends: tuple[float, float, float],
    group: str,
    groups: Sequence[str],
    heights: Sequence[float],
) -> None:
    """Draw how large a correlation with the other half could be, on either side of 0.

    Args:
        axes: where.
        ends: value, low, high.
        group: whose.
        groups: all of them.
        heights: of the rows that it bounds; the first shows its interval.
    """
    value, low, high = ends
    look: dict[str, Any] = {"color": colour(group, groups)}
    first = heights[0] + shift(group, groups)
    if np.isfinite(low):
        axes.plot([low, high], [first, first], linewidth=1.4, **look)
    axes.plot(value, first, "D", markersize=SIZE, **look)
    for height in heights[1:]:
        ticks = [height + shift(group, groups)] * 2
        axes.plot([-value, value], ticks, "D", markersize=SIZE - 2, alpha=LIGHT, **look)


def legend_handles(*, ceiling: bool) -> list[Line2D]:
    """Return the legend's entries of the kinds of marks."""
    grey: dict[str, Any] = {"color": "0.3", "ls": ""}
    found = [
        Line2D([], [], marker="o", markersize=SIZE, label="from the other half", **grey),
        Line2D([], [], marker="o", fillstyle="none", markersize=SIZE - 1, alpha=LIGHT,
               label="from the same members", **grey),
        Line2D([], [], marker="|", markersize=6, label="same, another subject's", **grey),
    ]  # fmt: skip
    if ceiling:
        small: dict[str, Any] = {"markersize": SIZE - 2, "alpha": LIGHT}
        found.append(Line2D([], [], marker="D", label=LABEL, **small, **grey))
    return found


def blocks(names: Mapping[str, Sequence[str]]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the heights of the rows of some blocks, and of the blocks' names above them."""
    rows: dict[str, float] = {}
    heads: dict[str, float] = {}
    row = 0.0
    for head, own in names.items():
        heads[head] = row
        rows |= {name: row + GAP + k for k, name in enumerate(own)}
        row += GAP + len(own) + 0.2
    return rows, heads
