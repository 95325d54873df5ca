"""Figure 3: voxelwise standard deviation against the CV of volumes, for one architecture."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import counted, number, share
from stages.figures.kit.sample import FEW_SUBJECTS
from stages.figures.kit.study_figure import PerGroup, StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.tissues import LOOKS, tissue
from stages.figures.kit.titles import title
from stages.storage.tables import read_table
from stages.study import layout

COMBINED = {
    ("within_structure", "disjoint"): "within structures, other half",
    ("pooled", "disjoint"): "pooled, other half",
    ("within_structure", "pearson"): "within structures, same members",
    ("pooled", "pearson"): "pooled, same members",
}
"""(scope, estimate) of a correlation that has an interval -> its label."""
SAME = "pearson"  # of the same members, whose noise is in both
FADED = 0.3  # opacity of correlations of few scans
LEAST_TICKS = 3  # finer numbers where there are no more
STATISTIC_TITLES = {
    **{name: name for name in ("mean", "median", "max", "min", "std")},
    **{f"p{q}": f"P{q}" for q in (5, 25, 75, 95)},
}


def read_and_draw(facts: Facts, group: str) -> Figure:
    """Draw the correlations of one architecture."""
    cv = analysed("cv", ["group", "structure", "subject", "cv"])
    path = layout.measures(group) / "regions.csv"
    regions = read_table(path, ["structure", "subject", "mean"])
    points = cv[cv["group"] == group].merge(
        regions[["structure", "subject", "mean"]], on=["structure", "subject"]
    )
    table = analysed("correlations", ["group", "scope", "statistic", "n", "pearson"])
    columns = ["group", "scope", "statistic", "estimate", "value", "low", "high"]
    inference = analysed("inference", columns)
    own, certain = (part[part["group"] == group] for part in (table, inference))
    return draw(points, own, certain, group, facts.structures)


def draw(
    points: pd.DataFrame,
    correlations: pd.DataFrame,
    inference: pd.DataFrame,
    group: str,
    structures: Sequence[str],
) -> Figure:
    """Draw the scans' points left; right the coefficients that have intervals, and all others.

    Args:
        points: columns structure, mean (fraction of white matter's intensity) and cv (percent).
        correlations: columns scope, statistic, n, pearson; of this architecture.
        inference: columns scope, statistic, estimate, value, low, high; of this architecture.
        group: the architecture.
        structures: in the order of the rows, from the top.
    """
    with rc_context(RC):
        figure = new_figure(11.5, 2.6 + 0.25 * (len(structures) + len(COMBINED)))
        places: dict[str, Axes] = figure.subplot_mosaic(
            [["points", "combined"], ["points", "each"]],
            width_ratios=(1, 1.15),
            height_ratios=(0.9 + 0.25 * len(COMBINED), 0.9 + 0.25 * len(structures)),
        )
        _scatter(places["points"], points, structures)
        _intervals(places["combined"], inference, group)
        _heat_map(figure, places["each"], correlations, structures)
        figure.suptitle(f"{title(group)}: does the voxelwise SD predict the CV of volumes?")
    return figure


def _scatter(axes: Axes, points: pd.DataFrame, structures: Sequence[str]) -> None:
    shown = points[points["structure"].isin(structures) & (points["cv"] > 0)]
    classes = shown["structure"].map(tissue)
    for name, (paint, mark) in LOOKS.items():
        part = shown[classes == name]
        if len(part):
            look: dict[str, Any] = {"color": paint, "marker": mark, "s": 22, "alpha": 0.75}
            axes.scatter(100 * part["mean"], part["cv"], label=name, linewidths=0, **look)
    for axis, scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
        scale("log")
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(NullFormatter())
    _few_ticks(axes)
    axes.set_xlabel("mean voxelwise standard deviation (% of white matter)")
    axes.set_ylabel("coefficient of variation of the volume (%)")
    axes.set_title("a point a structure-scan pair")
    if len(shown):
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)


def _intervals(axes: Axes, inference: pd.DataFrame, group: str) -> None:
    """Draw the coefficients of the mean SD over all structures, hollow of the same members."""
    known = inference[inference["statistic"] == "mean"].set_index(["scope", "estimate"])
    paint = colour(group, [group])
    for row, key in enumerate(COMBINED):
        if key not in known.index:
            continue
        value, low, high = known.loc[[key], ["value", "low", "high"]].to_numpy(float)[0]
        axes.plot([low, high], [row, row], color=paint, linewidth=1.6)
        face = "white" if key[1] == SAME else paint
        axes.plot(value, row, "o", color=paint, markerfacecolor=face, markersize=5.5)
    axes.axvline(0, color="0.35", linewidth=0.9, zorder=0)
    axes.set_xlim(-1, 1)
    axes.set_ylim(len(COMBINED) - 0.5, -0.5)
    axes.set_yticks(range(len(COMBINED)), list(COMBINED.values()))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_title("Pearson's r of the mean SD, all structures, with intervals")


def _few_ticks(axes: Axes) -> None:
    """Label a few round numbers in view: a short log axis has no label of its own."""
    for low, high, put in (
        (*axes.get_xlim(), axes.set_xticks),
        (*axes.get_ylim(), axes.set_yticks),
    ):
        for mantissas in ((1.0, 10.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)):
            candidates = np.array([m * 10.0**e for e in range(-5, 5) for m in mantissas])
            inside = np.unique(candidates[(candidates >= low) & (candidates <= high)])
            if len(inside) > LEAST_TICKS:
                break
        put(inside, [f"{value:g}" for value in inside])


def _heat_map(
    figure: Figure, axes: Axes, correlations: pd.DataFrame, structures: Sequence[str]
) -> None:
    """Draw the coefficients of single structures, faded where they are of few scans."""
    statistics = [s for s in STATISTIC_TITLES if s in set(correlations["statistic"])]
    own = correlations[correlations["scope"].isin(structures)]
    values, n = (
        own.pivot(index="scope", columns="statistic", values=column)
        .reindex(index=list(structures), columns=statistics)
        .to_numpy(dtype=float)
        for column in ("pearson", "n")
    )
    few = ~(n >= FEW_SUBJECTS)
    axes.set_facecolor("white")
    look: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1, "aspect": "auto"}
    image = axes.imshow(values, **look)
    image.set_alpha(np.where(few, FADED, 1.0))
    for (i, j), r in np.ndenumerate(values):
        text = number(r)
        ink = "0.35" if few[i, j] else "white" if abs(r) > 0.65 else "black"
        axes.text(j, i, text, ha="center", va="center", fontsize=8, color=ink)
    names = [STATISTIC_TITLES[s] for s in statistics]
    axes.set_xticks(range(len(statistics)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(structures)), [title(name) for name in structures])
    axes.tick_params(length=0)
    n_scans = int(np.nanmax(n)) if np.isfinite(n).any() else 0
    note = f", faded: fewer than {FEW_SUBJECTS}" if few.any() else ""
    axes.set_title(f"r of single structures, {n_scans} scans each{note}")
    figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02)


def caption(facts: Facts, group: str) -> str:
    """Return units, n and how to read both halves."""
    return (
        "Left: CV of a volume (%, logarithmic) against the mean voxelwise standard deviation in"
        " the structure (% of white matter), colour and marker by tissue class. Above right:"
        f" Pearson's r of the mean with the CV and its {share(facts.params.level)} interval, over"
        " all structures or within them; filled: predictor and ln CV from disjoint halves of the"
        " members, hollow: from the same members, which share their noise. Below right: r of every"
        " statistic of the standard deviation in single structures, of the same members and without"
        f" intervals; faded: of fewer than {FEW_SUBJECTS} scans, where r of any size is expected by"
        f" accident. n = {counted(facts.n_scans, 'scan')} a structure,"
        f" {counted(len(facts.members[group]), 'member')}."
    )


def of_group(group: str) -> StudyFigure:
    """Return the figure of one architecture."""
    return StudyFigure(
        f"figure3_{group}",
        f"{title(group)}: voxelwise standard deviation and CV of volumes",
        f"Scatter plot and table of correlations of {title(group)}.",
        partial(caption, group=group),
        partial(read_and_draw, group=group),
        questions=("prediction",),
        good="Good: points along a rising line of one colour, and intervals that exclude 0.",
    )


FIGURE = PerGroup(lambda facts: facts.groups, of_group)
