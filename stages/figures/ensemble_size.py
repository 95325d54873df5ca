"""The coefficient of variation and its standard error against the number of members."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.figures.kit.dots import marker
from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title
from stages.statistics.methods.variability import PERCENT
from stages.statistics.questions.ensemble_size import TARGETS, members_needed, relative_error

LAST = 56  # members; normal ones reach 10 % at 52


def read_and_draw(facts: Facts) -> Figure:
    """Draw the subsets of the architectures' members."""
    columns = ["group", "n_members", "n_pairs", "cv", "cv_low", "cv_high", "se"]
    return draw(analysed("ensemble_size", columns), facts.groups)


def draw(table: pd.DataFrame, groups: Sequence[str]) -> Figure:
    """Draw the median coefficient of variation left, the relative standard error right.

    Args:
        table: columns group, n_members, n_pairs, cv, cv_low, cv_high, se, as in
            plots/analyse/ensemble_size.csv.
        groups: the architectures.
    """
    with rc_context(RC):
        figure = new_figure(9.5, 3.9)
        left, right = figure.subplots(1, 2)
        for group in groups:
            part = table[table["group"] == group]
            style: dict[str, Any] = {
                "color": colour(group, groups),
                "marker": marker(group, groups),
            }
            style |= {"markersize": 4.5, "label": title(group)}
            left.plot(part["n_members"], part["cv"], **style)
            band = [part[name] for name in ("cv_low", "cv_high")]
            left.fill_between(part["n_members"], *band, color=style["color"], alpha=0.2, lw=0)
            known = part.dropna(subset=["se"])
            right.plot(known["n_members"], known["se"], **style)
        _theory(right)
        left.set_ylim(bottom=0)
        left.xaxis.set_major_locator(MaxNLocator(integer=True))
        left.set_title("Variability (band: 95 % of the subsets)")
        left.set_xlabel("members in the subset, m")
        n_pairs = table["n_pairs"].max() if len(table) else 0
        left.set_ylabel(f"coefficient of variation (%),\nmedian of {n_pairs} structures × scans")
        if len(groups):
            left.legend(fontsize=8)
    return figure


def _theory(axes: Axes) -> None:
    sizes = np.arange(2, LAST + 1)
    errors = [PERCENT * relative_error(int(m)) for m in sizes]
    axes.plot(sizes, errors, "--", color="black", lw=1.2, label="normal members")
    for target in TARGETS:
        needed = members_needed(target)
        axes.plot([2, needed, needed], [PERCENT * target] * 2 + [0], color="0.6", lw=0.8, zorder=0)
        note = f"{PERCENT * target:.0f} %: {needed:.0f} members"
        axes.text(needed + 0.5, PERCENT * target + 1.2, note, fontsize=8)
    axes.set_xlim(1, LAST + 17)
    axes.set_ylim(bottom=0)
    axes.set_title("Uncertainty of one coefficient of variation")
    axes.set_xlabel("members, m")
    axes.set_ylabel("relative standard error (%)")
    axes.legend(fontsize=8)


def caption(facts: Facts) -> str:
    """Return units, n and how to read the curves."""
    return (
        "Left: median CV (%) of smaller ensembles drawn from the members (at most"
        f" {facts.params.subsets} subsets); right: standard error of one CV, in % of it, beside"
        " that of normal members (dashed). It is corrected for members that subsets share, so that"
        " normal members lie on the dashed line. Read off how many members a CV of some precision"
        " needs."
        f" {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "ensemble_size",
    "How many members",
    "Curves over the number of members.",
    caption,
    read_and_draw,
    good="Good: curves that are level at the number of members here.",
)
