"""The cost of variability: patients of a trial, and the smallest detectable change of one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from stages.figures.kit.dots import Dot
from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import percent, share
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title
from stages.params.analyse import TrialParams
from stages.statistics.questions.power import TRIAL_STRUCTURE, PowerOptions, patients_per_arm

ROW_INCHES = 0.27
BAND = 0.6  # fraction of a structure's row that its points fill
MARKERS = {"total": "o", "fixed_model": "D"}
LABELS = {"total": "two members", "fixed_model": "one member for both scans"}
UNCANCELLED = "_uncancelled"
CANCELS = {"": "cancels", UNCANCELLED: "does not cancel"}
"""What becomes of the error that all members make on a scan."""


def read_and_draw(facts: Facts) -> Figure:
    """Draw the trial and the changes of the architectures."""
    values = ["detectable_change_percent", "patients_per_arm"]
    ends = [f"{name}{end}" for name in values for end in ("", "_low", "_high")]
    table = analysed("power", ["group", "structure", "scope", "n_members", *ends])
    return draw(table, facts.groups, facts.structures, facts.params.trial)


def draw(
    table: pd.DataFrame, groups: Sequence[str], structures: Sequence[str], trial: TrialParams
) -> Figure:
    """Draw the size of a trial left, the smallest detectable changes right.

    Args:
        table: columns group, structure, n_members, scope, detectable_change_percent and
            patients_per_arm with the ends of their intervals, as in plots/analyse/power.csv.
        groups: the architectures.
        structures: in the order of the rows, from the top.
        trial: its parameters.
    """
    with rc_context(RC):
        figure = new_figure(11.0, max(4.8, 2.4 + ROW_INCHES * len(structures)))
        left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.15))
        _trial(left, table, groups, trial)
        _changes(right, table, groups, structures, trial)
        figure.legend(
            handles=_legend(table, groups, trial), loc="outside lower center", ncols=3, fontsize=8
        )
    return figure


def _dots(table: pd.DataFrame, name: str) -> dict[tuple[str, str, str], Dot]:
    """Return (group, structure, scope) -> value with its interval."""
    keys = table[["group", "structure", "scope"]].itertuples(index=False, name=None)
    values = table[[name, f"{name}_low", f"{name}_high"]].to_numpy(np.float64)
    return {key: Dot(*row) for key, row in zip(keys, values.tolist(), strict=True)}


def _trial(axes: Axes, table: pd.DataFrame, groups: Sequence[str], trial: TrialParams) -> None:
    dots = _dots(table, "patients_per_arm")
    rows = [(group, bound, scope) for group in groups for bound in CANCELS for scope in MARKERS]
    for k, (group, bound, scope) in enumerate(rows):
        dot = dots.get((group, TRIAL_STRUCTURE, f"{scope}{bound}"))
        if dot is None or not np.isfinite(dot.value):
            continue
        shade = colour(group, groups)
        axes.plot([dot.low, dot.high], [k, k], color=shade, lw=1.2)
        axes.plot(dot.value, k, linestyle="", **_look(scope, shade))
    least = float(patients_per_arm(0.0, PowerOptions(**trial.model_dump())))
    axes.axvline(least, color="black", linestyle="--", lw=1.2, zorder=0)
    axes.annotate(
        f"no variability: {least:.0f}",
        (least, -0.75),
        (4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
    )
    for edge in range(len(MARKERS) * len(CANCELS), len(rows), len(MARKERS) * len(CANCELS)):
        axes.axhline(edge - 0.5, color="0.7", linewidth=0.8, zorder=0)
    middles = [len(MARKERS) * b + (len(MARKERS) - 1) / 2 for b in range(len(groups) * len(CANCELS))]
    names = [f"{title(group)}: common error\n{CANCELS[b]}" for group in groups for b in CANCELS]
    axes.set_yticks(middles, names)
    axes.set_ylim(len(rows) - 0.5, -1.3)
    axes.set_title("A trial on hippocampal atrophy")
    axes.set_xlabel("patients per arm, logarithmic")
    _logarithmic(axes, (1.0, 3.0))


def _logarithmic(axes: Axes, ticks: tuple[float, ...]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=ticks))
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)


def _changes(
    axes: Axes,
    table: pd.DataFrame,
    groups: Sequence[str],
    structures: Sequence[str],
    trial: TrialParams,
) -> None:
    dots = {k: d for k, d in _dots(table, "detectable_change_percent").items() if d.value > 0}
    step = BAND / max(1, len(groups) - 1)
    for g, group in enumerate(groups):
        shift = (g - (len(groups) - 1) / 2) * step
        for row, structure in enumerate(structures):
            own = {scope: dots.get((group, structure, scope)) for scope in (*MARKERS, *_ENDS)}
            _bounded(axes, own, row + shift, colour(group, groups))
    if TRIAL_STRUCTURE in structures:
        row = list(structures).index(TRIAL_STRUCTURE)
        for style, (rate, _) in _rates(trial).items():
            axes.plot([rate] * 2, [row - 0.5, row + 0.5], style, color="black", lw=1.4, zorder=0)
    for edge in range(len(structures) - 1):
        axes.axhline(edge + 0.5, color="0.88", linewidth=0.7, zorder=0)
    axes.set_yticks(range(len(structures)), [title(name) for name in structures])
    axes.set_ylim(len(structures) - 0.5, -0.5)
    axes.set_title("Smallest detectable change of one patient")
    axes.set_xlabel("1.96 √2 CV (%), logarithmic")
    _logarithmic(axes, (1.0, 2.0, 5.0))


_ENDS = tuple(f"{scope}{UNCANCELLED}" for scope in MARKERS)


def _bounded(axes: Axes, dots: Mapping[str, Dot | None], row: float, shade: str) -> None:
    """Draw both scopes, and a line from one member's value to where nothing common cancels."""
    fixed, bound = dots["fixed_model"], dots[f"fixed_model{UNCANCELLED}"]
    if fixed is not None and bound is not None:
        axes.plot([fixed.value, bound.value], [row, row], color=shade, lw=1.0)
        axes.plot(bound.value, row, "|", color=shade, ms=6, mew=1.4)
    for scope in MARKERS:
        dot = dots[scope]
        if dot is not None:
            axes.plot(dot.value, row, linestyle="", **_look(scope, shade))


def _look(scope: str, shade: str) -> dict[str, Any]:
    if scope == "total":  # a ring stays visible around the point of the other
        return {"marker": MARKERS[scope], "mec": shade, "mfc": "none", "ms": 7.5, "mew": 1.4}
    return {"marker": MARKERS[scope], "color": shade, "ms": 4.5, "mew": 0}


def _rates(trial: TrialParams) -> dict[str, tuple[float, str]]:
    return {
        "--": (trial.atrophy_percent_per_year, "a year of Alzheimer's disease in the hippocampus"),
        ":": (trial.control_percent_per_year, "a year of ageing in the hippocampus"),
    }


def _legend(table: pd.DataFrame, groups: Sequence[str], trial: TrialParams) -> list[Line2D]:
    sizes = table.groupby("group")["n_members"].max()
    colours = [
        Line2D([], [], color=colour(g, groups), marker="s", linestyle="", label=_name(g, sizes))
        for g in groups
    ]
    scopes = [
        Line2D([], [], linestyle="", label=LABELS[name], **_look(name, "0.2")) for name in MARKERS
    ]
    bound = Line2D(
        [],
        [],
        color="0.2",
        marker="|",
        ms=6,
        mew=1.4,
        lw=1.0,
        label="right: up to where no common error cancels",
    )
    rates = [
        Line2D([], [], color="black", linestyle=style, linewidth=1.4, label=f"{label}, {rate:g} %")
        for style, (rate, label) in _rates(trial).items()
    ]
    return [*colours, *scopes, bound, *rates]


def _name(group: str, sizes: pd.Series) -> str:
    known = group in sizes and sizes[group] > 0
    return f"{title(group)} ({sizes[group]:.0f} members)" if known else title(group)


def caption(facts: Facts) -> str:
    """Return units, n and how to read both halves."""
    trial = facts.params.trial
    level = percent(100 * facts.params.level, 0)
    return (
        "Left: patients per arm that a trial of hippocampal atrophy needs, with"
        f" {level} intervals ({percent(trial.atrophy_percent_per_year, 2)} a year, of which"
        f" {percent(trial.disease_percent_per_year, 2)} beyond normal ageing are slowed by"
        f" {share(trial.slowing)}; power {share(trial.power)}, α = {trial.alpha}). Right: smallest"
        " detectable change of a volume (%) between two scans of one patient, 1.96 √2 CV;"
        " intervals in plots/analyse/power.csv. Circles: two members reconstruct the scans,"
        " diamonds: one does both. An error that all members share on a scan cancels between scans"
        " if the anatomy causes it, and does not if noise, mask and position do: two bounds, from"
        f" scans of different persons. Scanner and physiology add to both. {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "power",
    "Smallest detectable change, and patients of a trial",
    "Rows of patients per arm with intervals, and dots of detectable change.",
    caption,
    read_and_draw,
    good="Good: no more patients, and no larger change, than fully sampled scans need.",
)
