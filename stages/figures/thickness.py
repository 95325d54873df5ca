"""Cortical thickness: its variability and bias by region, and its CV against the voxelwise SD."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.figures.kit.dots import SIZE, Dot, dot_rows, handles, marker
from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import number, share
from stages.figures.kit.sample import sample
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title

ROW_INCHES = 0.29
WHOLE = "cortex"
HEADROOM = 1.45  # factor above the points, for the notes


def read_and_draw(facts: Facts) -> Figure:
    """Draw every group that is compared with the fully sampled scans."""
    columns = ["group", "region", "subject", "cv", "bias", "std_mean"]
    table = analysed("thickness", columns)
    relation = {
        group: facts.get("thickness", group, "cv_predicted_by", "std_mean") or {}
        for group in facts.compared
    }
    return draw(table, relation, facts.compared)


def draw(
    table: pd.DataFrame, relation: Mapping[str, Mapping[str, float]], groups: Sequence[str]
) -> Figure:
    """Draw CV and bias of each region, medians and ranges over scans, and CV against SD.

    Args:
        table: columns group, region, subject, cv, bias (percent), std_mean (white matter = 1; of
            the whole cortex alone), as in plots/analyse/thickness.csv.
        relation: group -> r, n and detectable_r of std_mean with cv; empty if undefined.
        groups: of the dots; groups of one member have no CV.
    """
    regions = list(dict.fromkeys(table["region"]))
    with rc_context(RC):
        figure = new_figure(12.6, max(4.2, 1.9 + ROW_INCHES * len(regions)))
        left, middle, right = figure.subplots(1, 3, width_ratios=(1.0, 1.0, 1.25))
        for axes, column in ((left, "cv"), (middle, "bias")):
            dot_rows(axes, _ranges(table, column), groups, regions)
            axes.axvline(0.0, color="0.4", linewidth=0.9, zorder=0)
        left.set_yticks(range(len(regions)), [title(name) for name in regions])
        middle.set_yticks(range(len(regions)), [""] * len(regions))
        left.set_xlabel("CV of the thickness\nover members (%)")
        middle.set_xlabel("bias of the thickness (%),\nabove 0: thicker than fully sampled")
        _scatter(right, table, relation, groups)
        figure.legend(handles=handles(groups), loc="outside lower center", ncols=len(groups))
    return figure


def _ranges(table: pd.DataFrame, column: str) -> dict[tuple[str, str], Dot]:
    grouped = table.groupby(["group", "region"], sort=False)[column]
    found = grouped.agg(["median", "min", "max"])
    return {key: Dot(*values) for key, values in zip(found.index, found.to_numpy(), strict=True)}


def _scatter(
    axes: Axes,
    table: pd.DataFrame,
    relation: Mapping[str, Mapping[str, float]],
    groups: Sequence[str],
) -> None:
    shown = table[table["region"] == WHOLE].dropna(subset=["cv", "std_mean"])
    notes = [f"one point a scan, n = {len(shown)}"]
    for group in groups:
        part = shown[shown["group"] == group]
        if part.empty:
            continue
        look: dict[str, Any] = {"color": colour(group, groups), "marker": marker(group, groups)}
        axes.plot(part["std_mean"], part["cv"], linestyle="", markersize=SIZE, **look)
        own = relation.get(group, {})
        notes.append(
            f"{title(group)}: ρ = {number(own.get('r'))}, detectable from"
            f" {number(own.get('detectable_r'))}"
        )
    axes.set_xlabel("mean voxelwise SD in the cortex (white matter = 1)")
    axes.set_ylabel("CV of the thickness of the whole cortex (%)")
    axes.text(0.02, 0.99, "\n".join(notes), va="top", fontsize=8, transform=axes.transAxes)
    if len(shown):
        axes.set_ylim(0.0, HEADROOM * max(float(shown["cv"].max()), 1e-3))


def caption(facts: Facts) -> str:
    """Return units, n and how to read dots and points."""
    return (
        "Mean thickness (mm) of the cerebral cortex in label maps, by Laplace's equation between"
        " white matter and the pial surface. Left and middle: CV over the members, and bias"
        " against the fully sampled scan, both in %; dots are medians and bars ranges over scans."
        " Lobes are blocks of the box around the cerebrum, no parcellation. Right: CV of the whole"
        " cortex against the mean voxelwise SD in it, a point a scan, with Spearman's ρ of each"
        " group and the least |ρ| that so many scans find statistically significant at"
        f" {share(1 - facts.params.level)}. At voxels of 2 mm absolute values are too large by"
        f" about half a millimetre: compare, do not quote them. {sample(facts)}."
    )


FIGURE = StudyFigure(
    "thickness",
    "Cortical thickness: variability, bias, and the voxelwise SD",
    "Dots of CV and bias by region of the cortex; scatter plot of the CV against the SD.",
    caption,
    read_and_draw,
    good="Good: CV and bias near 0, and near those of noise.",
)
