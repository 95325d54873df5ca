"""The cost of variability: patients of a trial, and the smallest detectable change of one."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import percent, share
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title
from stages.statistics.questions.power import ALZHEIMER_RATE, CONTROL_RATE, TRIAL_STRUCTURE

ROW_INCHES = 0.27
BAND = 0.6  # fraction of a structure's row that its points fill
MARKERS = {"total": "o", "fixed_model": "D"}
LABELS = {"total": "two members", "fixed_model": "one member for both scans"}
RATES = {
    "--": (ALZHEIMER_RATE, "a year of Alzheimer's disease in the hippocampus"),
    ":": (CONTROL_RATE, "a year of ageing in the hippocampus"),
}


def read_and_draw(facts: Facts) -> Figure:
    """Draw the trial and the changes of the architectures."""
    sizes = ["n_members", "cv_percent", "detectable_change_percent", "inflation"]
    columns = ["group", "structure", "scope", *sizes, "patients_per_arm"]
    return draw(analysed("power", columns), facts.groups, facts.structures)


def draw(table: pd.DataFrame, groups: Sequence[str], structures: Sequence[str]) -> Figure:
    """Draw the size of a trial against CV left, the smallest detectable changes right.

    Args:
        table: columns group, structure, n_members, scope, cv_percent, detectable_change_percent,
            inflation, patients_per_arm, as in plots/analyse/power.csv, with the rows of the curve.
        groups: the architectures.
        structures: in the order of the rows, from the top.
    """
    with rc_context(RC):
        figure = new_figure(11.0, max(4.4, 2.2 + ROW_INCHES * len(structures)))
        left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.15))
        _trial(left, table, groups)
        _changes(right, table, groups, structures)
        figure.legend(
            handles=_legend(table, groups), loc="outside lower center", ncols=4, fontsize=8
        )
    return figure


def _trial(axes: Axes, table: pd.DataFrame, groups: Sequence[str]) -> None:
    table = table[table["structure"] == TRIAL_STRUCTURE]
    curve = table[table["scope"] == "curve"].sort_values("cv_percent")
    axes.plot(curve["cv_percent"], curve["inflation"], color="black", linewidth=1.2, zorder=1)
    for group in groups:
        for scope in MARKERS:
            point = table[(table["group"] == group) & (table["scope"] == scope)]
            look = _look(scope, colour(group, groups))
            axes.plot(point["cv_percent"], point["inflation"], linestyle="", **look)
    axes.set_xlim(left=0)
    axes.set_title("A trial on hippocampal atrophy")
    axes.set_xlabel("CV of the hippocampus between members (%)")
    axes.set_ylabel("patients needed, relative to no variability")
    start = curve.loc[curve["cv_percent"] == 0, "patients_per_arm"].dropna()
    if len(start):
        text = f"1 = {start.iloc[0]:.0f} patients per arm"
        axes.annotate(text, (0.03, 0.95), xycoords="axes fraction", va="top", fontsize=8)
    axes.grid(color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)


def _changes(
    axes: Axes, table: pd.DataFrame, groups: Sequence[str], structures: Sequence[str]
) -> None:
    known = table.set_index(["group", "structure", "scope"])["detectable_change_percent"]
    known = known[known > 0].to_dict()
    step = BAND / max(1, len(groups) - 1)
    for g, group in enumerate(groups):
        shift = (g - (len(groups) - 1) / 2) * step
        for row, structure in enumerate(structures):
            for scope in MARKERS:
                value = known.get((group, structure, scope))
                if value is not None:
                    axes.plot(value, row + shift, **_look(scope, colour(group, groups)))
    if TRIAL_STRUCTURE in structures:
        row = list(structures).index(TRIAL_STRUCTURE)
        for style, (rate, _) in RATES.items():
            axes.plot([rate] * 2, [row - 0.5, row + 0.5], style, color="black", lw=1.4, zorder=0)
    for edge in range(len(structures) - 1):
        axes.axhline(edge + 0.5, color="0.88", linewidth=0.7, zorder=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_yticks(range(len(structures)), [title(name) for name in structures])
    axes.set_ylim(len(structures) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_title("Smallest detectable change of one patient")
    axes.set_xlabel("1.96 √2 CV (%)")


def _look(scope: str, shade: str) -> dict[str, Any]:
    if scope == "total":  # a ring stays visible around the point of the other
        return {"marker": MARKERS[scope], "mec": shade, "mfc": "none", "ms": 7.5, "mew": 1.4}
    return {"marker": MARKERS[scope], "color": shade, "ms": 4.5, "mew": 0}


def _legend(table: pd.DataFrame, groups: Sequence[str]) -> list[Line2D]:
    sizes = table.groupby("group")["n_members"].max()
    colours = [
        Line2D([], [], color=colour(g, groups), marker="s", linestyle="", label=_name(g, sizes))
        for g in groups
    ]
    scopes = [
        Line2D([], [], linestyle="", label=LABELS[name], **_look(name, "0.2")) for name in MARKERS
    ]
    rates = [
        Line2D([], [], color="black", linestyle=style, linewidth=1.4, label=f"{label}, {rate:g} %")
        for style, (rate, label) in RATES.items()
    ]
    return [*colours, *scopes, *rates]


def _name(group: str, sizes: pd.Series) -> str:
    known = group in sizes and sizes[group] > 0
    return f"{title(group)} ({sizes[group]:.0f} members)" if known else title(group)


def caption(facts: Facts) -> str:
    """Return units, n and how to read both halves."""
    trial = facts.params.trial
    return (
        "Left: patients that a trial of hippocampal atrophy"
        f" ({percent(trial.atrophy_percent_per_year, 2)} a year, slowed by {share(trial.slowing)},"
        f" power {share(trial.power)}, α = {trial.alpha}) needs, relative to volumes that do not"
        " vary. Right: smallest change of a volume (%) that stands out between two scans of one"
        " patient, 1.96 √2 CV, on a logarithmic axis; circles: two members reconstruct them,"
        f" diamonds: one does both. {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "power",
    "What could be seen in a patient or a trial",
    "A curve of patients over CV, and dots of detectable change.",
    caption,
    read_and_draw,
)
