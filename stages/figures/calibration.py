"""Calibration of ensembles: rank histograms, and spread against error."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from stages.figures.kit.dots import marker
from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import share, spread
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title
from stages.statistics.questions.calibration import rank_histogram
from stages.study.groups import ADDED_NOISE

COLUMNS_A_ROW = 4
TARGETS = {"reference": "fully sampled volume", "truth": "true volume"}


def read_and_draw(facts: Facts) -> Figure:
    """Draw the ensembles against the fully sampled volumes and, where known, the true ones."""
    measured = ["n_members", "error", "spread", "below", "equal"]
    table = analysed("calibration", ["group", "structure", "target", *measured])
    return draw(table, facts.groups, facts.get("calibration") or {})


def draw(
    table: pd.DataFrame, groups: Sequence[str], found: Mapping[str, Mapping[str, Any]]
) -> Figure:
    """Draw a rank histogram an architecture and target, and spread against error.

    Args:
        table: columns group, structure, target, n_members, error, spread, below, equal, as in
            plots/analyse/calibration.csv; NaN rows are left out. Rows of true volumes may hold the
            noise realisations, too.
        groups: the architectures.
        found: target -> group -> `outside`, as in metrics/analyse/calibration.json.
    """
    table = table.dropna(subset=["error", "spread", "below", "equal"])
    reference, truth = (table[table["target"] == name] for name in TARGETS)
    above: list[str | None] = [*groups, None]
    below: list[str | None] = [*groups, ADDED_NOISE] if len(truth) else []
    n_columns = min(len(above), COLUMNS_A_ROW)
    n_above, n_below = (-(-len(part) // n_columns) for part in (above, below))
    with rc_context(RC):
        n_rows = n_above + n_below
        figure = new_figure(3.0 * n_columns, 3.1 * n_rows)
        panels = figure.subplots(n_rows, n_columns, squeeze=False)
        first, second = (list(part.ravel()) for part in (panels[:n_above], panels[n_above:]))
        for places, names, part, target in (
            (first, above, reference, "reference"),
            (second, below, truth, "truth"),
        ):
            _histograms(places, names, part, groups, (target, found.get(target, {})))
        _spread(first[len(groups)], reference, groups, TARGETS["reference"])
    return figure


def _histograms(
    places: Sequence[Axes],
    names: Sequence[str | None],
    table: pd.DataFrame,
    groups: Sequence[str],
    target: tuple[str, Mapping[str, Any]],
) -> None:
    drawn = []
    for axes, name in zip(places, names, strict=False):
        if name is None:
            continue
        outside = target[1].get(name, {}).get("outside", {})
        _ranks(axes, table[table["group"] == name], colour(name, groups), target[0], outside)
        axes.set_title(title(name))
        drawn.append(axes)
    for axes in places[len(names) :]:
        axes.remove()
    if drawn:
        _one_scale(drawn)


def _ranks(
    axes: Axes, pair_table: pd.DataFrame, fill: str, target: str, outside: Mapping[str, float]
) -> None:
    axes.set_xlabel(f"members below the\n{TARGETS[target]}")
    axes.set_ylabel(f"fraction of {len(pair_table)}\nstructures × scans")
    if pair_table.empty:
        axes.text(0.5, 0.5, "no data", ha="center", transform=axes.transAxes)
        return
    n_members = int(pair_table["n_members"].iloc[0])
    ranks = rank_histogram(
        pair_table["below"].to_numpy(), pair_table["equal"].to_numpy(), n_members
    )
    axes.bar(np.arange(n_members + 1), ranks, width=0.85, color=fill)
    flat = 1.0 / (n_members + 1)
    axes.axhline(flat, color="black", linestyle="--", linewidth=1.1)
    top = max(ranks.max(), flat)
    axes.set_ylim(0, 1.5 * top)
    beyond = spread([outside.get("low", np.nan), outside.get("high", np.nan)])
    note = (
        f"{n_members} members, outside all:\n{share(outside.get('value'))} ({beyond}),\n"
        f"calibrated {share(2 * flat)} (dashed)"
    )
    axes.text(0.5, 0.99, note, ha="center", va="top", fontsize=8, transform=axes.transAxes)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _one_scale(panels: Sequence[Axes]) -> None:
    """Let equal heights mean equal fractions in all panels."""
    top = max(axes.get_ylim()[1] for axes in panels)
    for axes in panels:
        axes.set_ylim(0, top)


def _spread(axes: Axes, table: pd.DataFrame, groups: Sequence[str], target: str) -> None:
    drawn = []
    for group in groups:
        pair_table = table[table["group"] == group]
        if pair_table.empty:
            continue
        n_members = int(pair_table["n_members"].iloc[0])
        squares = (pair_table[["error", "spread"]] ** 2).groupby(pair_table["structure"]).mean()
        error = np.sqrt(squares["error"].to_numpy())
        spread = np.sqrt(squares["spread"].to_numpy() * (n_members + 1) / n_members)
        shown = (error > 0) & (spread > 0)  # the rest has no place on logarithmic axes
        style: dict[str, Any] = {
            "color": colour(group, groups),
            "marker": marker(group, groups),
        }
        axes.plot(error[shown], spread[shown], linestyle="", alpha=0.75, ms=4.5, **style)
        axes.lines[-1].set_label(title(group))
        drawn += [error[shown], spread[shown]]
    axes.set_title("Spread and error")
    axes.set_xlabel(f"error of the mean,\nr.m.s. (% of {target})")
    axes.set_ylabel("spread × √((M+1)/M),\nr.m.s. (%)")
    values = np.concatenate(drawn) if drawn else np.empty(0)
    if not len(values):
        return
    low, high = values.min() / 1.4, values.max() * 1.4
    axes.plot([low, high], [low, high], "--", color="black", linewidth=1.1)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    axes.set_box_aspect(1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 3), numticks=12))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.legend(
        loc="best", fontsize=8, handletextpad=0.1, title="one point a structure", title_fontsize=8
    )


def caption(facts: Facts) -> str:
    """Return units, n and how to read bars and points."""
    truth = (
        " Below: the same for the true volumes, where the segmenter's own error adds: noise"
        " realisations of the fully sampled scans are the baseline."
        if facts.get("calibration", "truth")
        else ""
    )
    return (
        "Bars: fraction of structure-scan pairs whose fully sampled volume has so many members"
        " below it; bars of equal height: calibrated. Points, one a structure: SD of the members"
        " against the error of their mean (% of the fully sampled volume, root mean square over"
        " scans, logarithmic). Below the diagonal the SD is smaller than the error:"
        f" overconfident.{truth} In brackets: {share(facts.params.level)} intervals over subjects"
        f" and members. {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "calibration",
    "Calibration: does the spread of the members indicate their error?",
    "Histograms of ranks, and a scatter plot of spread and error.",
    caption,
    read_and_draw,
    good="Good: level bars, and points on the diagonal.",
    part="calibration",
)
