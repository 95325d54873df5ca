"""Apparent changes of volume from deformations: spread, mean, and the volumes beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stages.figures.kit.dots import SIZE, Dot, dot_rows, handles, marker
from stages.figures.kit.facts import Facts, analysed, known
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title

ROW_INCHES = 0.29
HEADROOM = 4.0  # factor above the points, for the notes
SCOPES = {"pooled": "pooled", "within_structure": "within structures"}


def read_and_draw(facts: Facts) -> Figure:
    """Draw every group that is compared with the fully sampled scans."""
    pair_table = analysed("deformation", ["group", "structure", "sd", "mean", "cv"])
    tasks = known("tasks", ["group", "target", "predictor", "scope", "value"])
    same = tasks[(tasks["target"] == "deformation_sd") & (tasks["predictor"] == "cv")]
    agreement = {
        group: part.dropna(subset=["value"]).set_index("scope")["value"].to_dict()
        for group, part in same.groupby("group", sort=False)
    }
    return draw(pair_table, agreement, facts.compared, facts.structures)


def draw(
    pair_table: pd.DataFrame,
    agreement: Mapping[str, Mapping[str, float]],
    groups: Sequence[str],
    structures: Sequence[str],
) -> Figure:
    """Draw spread and mean of each structure, medians over scans, and spread against CV.

    Args:
        pair_table: columns group, structure, subject, sd, mean, cv (percent), as in
            plots/analyse/deformation.csv.
        agreement: group -> scope -> Spearman's coefficient of sd with cv; absent if undefined.
        groups: of the dots; groups of one member have no spread.
        structures: in the order of the rows, from the top.
    """
    with rc_context(RC):
        figure = new_figure(12.6, max(4.2, 1.9 + ROW_INCHES * len(structures)))
        left, middle, right = figure.subplots(1, 3, width_ratios=(1.0, 1.0, 1.25))
        dot_rows(left, _medians(pair_table, "sd"), groups, structures)
        left.set_yticks(range(len(structures)), [title(name) for name in structures])
        left.set_xlabel("SD over members of the\napparent change (%)")
        left.axvline(0.0, color="0.4", linewidth=0.9, zorder=0)
        dot_rows(middle, _medians(pair_table, "mean"), groups, structures)
        middle.set_yticks(range(len(structures)), [""] * len(structures))
        middle.axvline(0.0, color="0.4", linewidth=0.9, zorder=0)
        middle.set_xlabel("mean apparent change (%),\nabove 0: larger than fully sampled")
        _scatter(right, pair_table, agreement, groups)
        figure.legend(handles=handles(groups), loc="outside lower center", ncols=len(groups))
    return figure


def _medians(pair_table: pd.DataFrame, column: str) -> dict[tuple[str, str], Dot]:
    medians = pair_table.groupby(["group", "structure"], sort=False)[column].median()
    return {key: Dot(float(value)) for key, value in medians.items()}


def _scatter(
    axes: Axes,
    pair_table: pd.DataFrame,
    agreement: Mapping[str, Mapping[str, float]],
    groups: Sequence[str],
) -> None:
    shown = pair_table[(pair_table["sd"] > 0) & (pair_table["cv"] > 0)]  # logarithmic axes
    notes = []
    for group in groups:
        part = shown[shown["group"] == group]
        if part.empty:
            continue
        look: dict[str, Any] = {"color": colour(group, groups), "marker": marker(group, groups)}
        axes.plot(part["cv"], part["sd"], linestyle="", markersize=SIZE - 1, alpha=0.7, **look)
        notes.append(f"{title(group)}: {_note(agreement.get(group, {}))}")
    axes.set_xlabel("CV of the volume over members (%)")
    axes.set_ylabel("SD of the apparent change (%)")
    text = "\n".join([f"one point a structure of a scan, n = {len(shown)}", *notes])
    axes.text(0.02, 0.99, text, va="top", fontsize=8, transform=axes.transAxes)
    if shown.empty:
        return
    values = shown[["cv", "sd"]].to_numpy(np.float64)
    low, high = values.min() / 1.3, values.max() * 1.3
    axes.plot([low, high], [low, high], "--", color="black", linewidth=1.0, zorder=0)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, HEADROOM * high))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 3), numticks=12))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _note(coefficients: Mapping[str, float]) -> str:
    parts = []
    for scope, name in SCOPES.items():
        value = coefficients.get(scope)
        written = "–" if value is None else f"{value:.2f}".replace("-", "−")
        parts.append(f"ρ = {written} {name}")
    return ", ".join(parts)


def caption(facts: Facts) -> str:
    """Return units, n and how to read dots and points."""
    return (
        "Left and middle: SD and mean over the members of the apparent change of each structure"
        " (100 times the mean logarithm of the Jacobian, %) when images are registered to the fully"
        " sampled one, medians over scans; above 0 the structure is larger in the member's image;"
        " noise: the baseline of the method. Right: that SD against the CV of the volume, both in"
        " %, a point a structure-scan pair; dashed: equal. It needs no segmentation of the members:"
        f" where both agree, the CV is not the segmenter's alone. {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "deformation",
    "Apparent change by registration, without segmentation of the members",
    "Dots of standard deviation and mean of deformations; scatter plot against the CV of volumes.",
    caption,
    read_and_draw,
    good="Good: dots near those of noise, and points on the diagonal.",
)
