"""Figure 3: voxelwise standard deviation against the CV of volumes, for one architecture."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import counted
from stages.figures.kit.study_figure import PerGroup, StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import title
from stages.storage.tables import read_table
from stages.study import layout

SCOPES = ("per_structure_mean", "pooled", "within_structure")
MARKERS = "osD^v<>P"
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
    return draw(points, table[table["group"] == group], group, facts.structures)


def draw(
    points: pd.DataFrame, correlations: pd.DataFrame, group: str, structures: Sequence[str]
) -> Figure:
    """Draw the scans' points for the mean SD left, all coefficients right.

    Args:
        points: columns structure, mean (fraction of white matter's intensity) and cv (percent).
        correlations: columns scope, statistic, n, pearson; of this architecture.
        group: the architecture.
        structures: in the order of the rows, from the top.
    """
    with rc_context(RC):
        figure = new_figure(12.5, 1.6 + 0.27 * (len(structures) + len(SCOPES)))
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
        _scatter(left, points, structures)
        _heat_map(figure, right, correlations, structures)
        figure.suptitle(f"{title(group)}: does the voxelwise SD predict the CV of volumes?")
    return figure


def _scatter(axes: Axes, points: pd.DataFrame, structures: Sequence[str]) -> None:
    shades = colormaps["turbo"](np.linspace(0.03, 0.95, len(structures)))
    for k, name in enumerate(structures):
        part = points[(points["structure"] == name) & (points["cv"] > 0)]
        style = {"color": shades[k], "marker": MARKERS[k % len(MARKERS)], "s": 26, "alpha": 0.85}
        axes.scatter(100 * part["mean"], part["cv"], label=title(name), linewidths=0, **style)
    for axis, scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
        scale("log")
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(NullFormatter())
    _few_ticks(axes)
    axes.set_xlabel("mean voxelwise standard deviation (% of white matter)")
    axes.set_ylabel("coefficient of variation of the volume (%)")
    axes.set_title("one point a scan")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), handletextpad=0.2)


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
    statistics = [s for s in STATISTIC_TITLES if s in set(correlations["statistic"])]
    defined = correlations.dropna(subset="pearson")["scope"]
    # a mean over structures of few subjects is left out
    rows = [*structures, *(scope for scope in SCOPES if scope in set(defined))]
    table = correlations.pivot(index="scope", columns="statistic", values="pearson")
    values = table.reindex(index=rows, columns=statistics).to_numpy(dtype=float)
    axes.set_facecolor("0.85")
    image = axes.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    for (i, j), r in np.ndenumerate(values):
        text = f"{r:.2f}" if np.isfinite(r) else "–"
        ink = "white" if abs(r) > 0.65 else "black"
        axes.text(j, i, text, ha="center", va="center", fontsize=8, color=ink)
    axes.axhline(len(structures) - 0.5, color="black", linewidth=1.5)
    names = [STATISTIC_TITLES[s] for s in statistics]
    axes.set_xticks(range(len(statistics)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), [title(name) for name in rows])
    axes.tick_params(length=0)
    n_scans = int(correlations.loc[correlations["scope"].isin(structures), "n"].max())
    axes.set_title(f"Pearson's r with the volume's variability, {n_scans} scans a structure")
    figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02)


def caption(facts: Facts, group: str) -> str:
    """Return units, n and how to read both halves."""
    return (
        "Left: CV of a volume (%, logarithmic) against the mean voxelwise standard deviation in"
        " the structure (% of white matter), a point a structure of a scan. Right: Pearson's r"
        " of every statistic of the standard deviation with the CV; the last rows combine"
        " structures. Both are of the same members, whose noise they share, and no r here has an"
        " interval: those of the mean standard deviation stand in the figure of the regressions."
        f" n = {counted(facts.n_scans, 'scan')} a structure,"
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
