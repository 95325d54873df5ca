"""Rows of dots: a row a structure or a predictor, a dot a group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stages.figures.kit.style import colour
from stages.figures.kit.titles import title

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
BAND = 0.66  # fraction of a row that its dots fill
SIZE = 4.8  # points


@dataclass(frozen=True)
class Dot:
    """A value, and the ends of its interval or range; NaN where there is none."""

    value: float
    low: float = float("nan")
    high: float = float("nan")


def marker(group: str, groups: Sequence[str]) -> str:
    """Return a group's marker, by its position."""
    return MARKERS[list(groups).index(group) % len(MARKERS)]


def shift(group: str, groups: Sequence[str]) -> float:
    """Return how far below the middle of a row the dots of a group lie, in rows."""
    return (list(groups).index(group) - (len(groups) - 1) / 2) * BAND / max(1, len(groups))


def dot_rows(
    axes: Axes, dots: Mapping[tuple[str, str], Dot], groups: Sequence[str], rows: Sequence[str]
) -> None:
    """Draw dots side by side within each row, with their intervals; NaN values are left out.

    Args:
        axes: where.
        dots: (group, row) -> dot.
        groups: from the top of a row to its bottom.
        rows: from the top.
    """
    for group in groups:
        look: dict[str, Any] = {"color": colour(group, groups)}
        below = shift(group, groups)
        for k, name in enumerate(rows):
            dot = dots.get((group, name))
            if dot is None or not np.isfinite(dot.value):
                continue
            if np.isfinite(dot.low) and np.isfinite(dot.high):
                axes.plot([dot.low, dot.high], [k + below] * 2, linewidth=1.2, **look)
            axes.plot(dot.value, k + below, marker(group, groups), markersize=SIZE, **look)
    for edge in range(len(rows) - 1):
        axes.axhline(edge + 0.5, color="0.9", linewidth=0.7, zorder=0)
    axes.grid(axis="x", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)


def handles(groups: Sequence[str]) -> list[Line2D]:
    """Return the legend's entries of groups."""
    return [
        Line2D(
            [],
            [],
            linestyle="",
            marker=marker(group, groups),
            markersize=SIZE,
            color=colour(group, groups),
            label=title(group),
        )
        for group in groups
    ]
