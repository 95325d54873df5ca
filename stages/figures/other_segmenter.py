"""One study measured by two segmenters: CV and bias of each structure, and correlations with CV.

On the dashed line both measure the same. The HTML report draws it where another segmenter's answers
are kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from stages.figures.kit.dots import handles, marker
from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import share
from stages.figures.kit.sample import pairs
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title

SIZE = (12.0, 4.4)  # inches
PAD = 1.25  # factor by which logarithmic axes go beyond the points
MARGIN = 0.08  # fraction of the range by which linear axes do
APART = 0.13  # rows between the two segmenters of one architecture
FILLS = ("full", "none")  # of the markers of the two segmenters
MARK = 5.5  # points

Ends = Mapping[str, tuple[float, float, float]]
"""Group -> coefficient and the ends of its interval; NaN where there is none."""


def draw(
    pair_table: pd.DataFrame,
    correlations: Sequence[Ends],
    names: Sequence[str],
    groups: Sequence[str],
) -> Figure:
    """Draw CV and bias by one segmenter against those by the other, and both correlations.

    Args:
        pair_table: columns quantity (cv, bias), group, structure, first, second (%).
        correlations: by each segmenter, of CV and voxelwise SD within structures.
        names: of the first and of the second segmenter.
        groups: those shown; `correlations` has the architectures among them.
    """
    parts = dict(iter(pair_table.groupby("quantity")))
    with rc_context(RC):
        figure = new_figure(*SIZE)
        left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.15))
        for axes, quantity in ((left, "cv"), (middle, "bias")):
            part = parts.get(quantity, pair_table.iloc[:0])
            _scatter(axes, part, groups)
            axes.set_xlabel(f"{names[0]} (%)")
            axes.set_ylabel(f"{names[1]} (%)")
        left.set_title("CV of a volume")
        middle.set_title("bias of a volume")
        _logarithmic(left, parts.get("cv", pair_table.iloc[:0]))
        _linear(middle, parts.get("bias", pair_table.iloc[:0]))
        shown = [g for g in groups if any(g in found for found in correlations)]
        _correlations(right, correlations, names, shown)
        figure.legend(handles=handles(groups), loc="outside lower center", ncols=len(groups) or 1)
    return figure


def _scatter(axes: Axes, part: pd.DataFrame, groups: Sequence[str]) -> None:
    for group in groups:
        mine = part[part["group"] == group]
        look: dict[str, Any] = {
            "color": colour(group, groups),
            "marker": marker(group, groups),
            "alpha": 0.85,
        }
        axes.plot(mine["first"], mine["second"], linestyle="", markersize=MARK, **look)
    axes.set_aspect("equal")


def _logarithmic(axes: Axes, part: pd.DataFrame) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    values = part[["first", "second"]].to_numpy(dtype=float)
    values = values[np.isfinite(values) & (values > 0)]
    _square(axes, (values.min() / PAD, values.max() * PAD) if len(values) else (0.1, 10.0))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _linear(axes: Axes, part: pd.DataFrame) -> None:
    values = part[["first", "second"]].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if len(values) else (-1.0, 1.0)
    margin = MARGIN * (high - low) or 1.0
    _square(axes, (low - margin, high + margin))
    axes.axhline(0, color="0.85", lw=0.8, zorder=0)
    axes.axvline(0, color="0.85", lw=0.8, zorder=0)


def _square(axes: Axes, ends: tuple[float, float]) -> None:
    axes.plot(ends, ends, color="0.4", linestyle="--", lw=1.0, zorder=1)
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)


def _correlations(
    axes: Axes, correlations: Sequence[Ends], names: Sequence[str], groups: Sequence[str]
) -> None:
    for found, fill, shift in zip(correlations, FILLS, (-APART, APART), strict=True):
        for row, group in enumerate(groups):
            value, low, high = found.get(group, (np.nan, np.nan, np.nan))
            shade = colour(group, groups)
            axes.plot([low, high], [row + shift] * 2, color=shade, lw=1.4)
            axes.plot(value, row + shift, marker="o", markersize=MARK, color=shade, fillstyle=fill)
    axes.axvline(0, color="0.7", lw=0.8, zorder=0)
    axes.set_xlim(-1, 1)
    axes.set_xticks(np.linspace(-1, 1, 5))
    axes.set_ylim(max(len(groups), 1) - 0.5, -0.5)
    axes.set_yticks(range(len(groups)), [title(group) for group in groups])
    axes.set_xlabel("r within structures, between scans")
    axes.set_title("voxelwise SD and CV")
    entries = [
        Line2D([], [], linestyle="", marker="o", color="0.3", fillstyle=fill, label=name)
        for name, fill in zip(names, FILLS, strict=True)
    ]
    axes.legend(handles=entries, loc="lower center", bbox_to_anchor=(0.5, 1.08), ncols=2)


HEADING = "Two segmenters"
GOOD = "Good: points on the dashed line, and intervals on the same side of 0."
ALTERNATIVE = (
    "Scatter plots of CV and bias by one segmenter against the other; dots of"
    " correlations with intervals."
)


def caption(facts: Facts, first: str, second: str) -> str:
    """Return units, n and how to read the points.

    Args:
        facts: of the study.
        first: the first segmenter, as a sentence names it.
        second: the second one.
    """
    return (
        f"Left: CV of a volume (%, logarithmic, median over scans) by {first} and by"
        f" {second}; middle: bias (%, likewise); a point a structure and colour a group; dashed:"
        " equal. Points above the line have a higher CV, or measure larger, by"
        f" {second}. Right: r of CV with the mean voxelwise SD within structures"
        f" and its {share(facts.params.level)} interval over subjects. A conclusion that only one"
        f" segmenter supports may be the segmenter's own. {pairs(facts)}."
    )
