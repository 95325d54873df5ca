"""What each surrogate of volume uncertainty foretells, beside what it costs."""

from collections.abc import Sequence

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.style import RC, colour, new_figure, title

PANELS = {"within_structure_r2": "Within structures", "pooled_r2": "Pooled over structures"}
LABELS = {
    "std_mean": "voxelwise SD, mean",
    "std_median": "voxelwise SD, median",
    "std_p95": "voxelwise SD, 95th percentile",
    "sigma_over_gradient": "edge shift, SD / |gradient|",
    "linearised_volume": "linearised volume",
    "one_minus_dice": "1 − pairwise Dice",
    "vote_entropy": "vote entropy",
    "surface_distance": "surface distance",
}
COSTS = {"A": "images only", "B": "and one segmentation", "C": "all segmentations"}
MARKERS = ("o", "s", "^", "D", "v", "P")
GAP = 0.9  # rows between two kinds, for the name of the kind
BAND = 0.62  # part of a row that its groups fill


def surrogates_figure(table: pd.DataFrame, groups: Sequence[str]) -> Figure:
    """Draw R^2 of ln CV on the logarithm of each surrogate, with intervals where there are any.

    Args:
        table: from `foretell`; undefined values are not drawn.
        groups: the architectures, in the order of the points.
    """
    chosen = table[table["group"].isin(groups)]
    rows, heads = _layout(chosen)
    bottom = max(rows.values(), default=0.0) + 0.6
    with rc_context(RC):
        figure = new_figure(9.6, 1.9 + 0.34 * bottom)
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (estimate, name) in zip(panels, PANELS.items(), strict=True):
            part = chosen[chosen["estimate"] == estimate].dropna(subset=["value"])
            _panel(axes, part, groups, rows)
            axes.set_title(f"{name}{_count(part)}")
            axes.set_xlabel("R² of ln CV on ln surrogate (bars: bootstrap over exams)")
        labels = [LABELS.get(name, title(name)) for name in rows]
        panels[0].set_yticks([*rows.values(), *heads.values()], [*labels, *_costs(heads)])
        for text in panels[0].get_yticklabels()[len(rows) :]:
            text.set_fontweight("bold")
        panels[0].set_ylim(bottom, -0.6)
        if groups:
            handles = [_handle(groups, name) for name in groups]
            figure.legend(handles=handles, loc="outside lower center", ncols=len(groups))
    return figure


def _layout(table: pd.DataFrame) -> tuple[dict[str, float], dict[str, float]]:
    rows, heads, row = {}, {}, 0.0
    for kind, part in table.groupby("kind", sort=True):
        heads[kind] = row
        row += GAP
        for name in part["surrogate"].unique():
            rows[name] = row
            row += 1.0
        row += 0.2
    return rows, heads


def _costs(heads: dict[str, float]) -> list[str]:
    return [f"{kind}: {COSTS.get(kind, '')}" for kind in heads]


def _count(part: pd.DataFrame) -> str:
    if part.empty:
        return ""
    low, high = part["n"].min(), part["n"].max()
    return f" (n = {low} cells)" if low == high else f" (n = {low}–{high} cells)"


def _panel(axes: Axes, table: pd.DataFrame, groups: Sequence[str], rows: dict[str, float]) -> None:
    step = BAND / max(len(groups), 1)
    for g, group in enumerate(groups):
        offset = (g - (len(groups) - 1) / 2) * step
        paint = colour(group, groups)
        for point in table[table["group"] == group].itertuples():
            row = rows[point.surrogate] + offset
            if pd.notna(point.low) and pd.notna(point.high):
                axes.plot([point.low, point.high], [row, row], color=paint, linewidth=1.4)
            axes.plot(point.value, row, MARKERS[g % len(MARKERS)], color=paint, markersize=5)
    for row in rows.values():
        axes.axhline(row, color="0.93", linewidth=0.7, zorder=0)
    axes.grid(axis="x", color="0.9", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlim(-0.03, 1.03)
    axes.tick_params(axis="y", length=0)


def _handle(groups: Sequence[str], group: str) -> Line2D:
    marker = MARKERS[list(groups).index(group) % len(MARKERS)]
    return Line2D(
        [], [], color=colour(group, groups), marker=marker, markersize=5, label=title(group)
    )
