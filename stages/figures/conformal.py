"""How often intervals made from an ensemble hold the true volume, and how wide they are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import share
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title
from stages.statistics.methods.prediction_intervals import METHODS
from stages.statistics.methods.thresholds import coverage_band, least_subjects
from stages.statistics.questions.conformal import ALL, LEAST_SUBJECTS

LABELS = {
    "naive": "ensemble alone:\nmean ± t s",
    "absolute": "conformal,\nabsolute error",
    "scaled": "conformal,\nerror / s",
    "cqr": "conformal, beyond\nquantiles of members",
    "jackknife_plus": "jackknife+,\nbias corrected",
    "joint": "conformal, joint\nover structures",
}
BAND_COLOUR = "0.88"
BAND = 0.7  # fraction of a method's row that its groups fill
LEAST_WIDTH = 0.01  # percent; narrower intervals are drawn at the edge of the logarithmic axis


def read_and_draw(facts: Facts) -> Figure:
    """Draw the intervals of the architectures."""
    columns = ["group", "structure", "method", "n", "coverage", "width_percent"]
    return draw(analysed("conformal", columns), facts.groups, facts.params.alpha, facts.n_subjects)


def draw(table: pd.DataFrame, groups: Sequence[str], alpha: float, n_subjects: int) -> Figure:
    """Draw coverage left and width right: a row a method, small points are structures.

    Args:
        table: columns group, structure, method, n, coverage, width_percent, as in
            plots/analyse/conformal.csv; NaN where undefined.
        groups: the architectures.
        alpha: fraction that the intervals may miss.
        n_subjects: subjects of the study; all but one calibrate.
    """
    table = table[table["group"].isin(groups)]
    n_scans = int(table["n"].max()) if len(table) else 0
    with rc_context(RC):
        figure = new_figure(9.5, 5.8)
        left, right = figure.subplots(1, 2, sharey=True)
        widths = table.assign(width_percent=table["width_percent"].clip(lower=LEAST_WIDTH))
        _panel(left, table, "coverage", groups)
        _panel(right, widths, "width_percent", groups)
        band = coverage_band(n_subjects - 1, n_scans, alpha)
        _levels(left, alpha, band)
        _notes(left, table, alpha)
        left.set_xlim(-0.04, 1.04)
        left.set_yticks(range(len(METHODS)), [LABELS[name] for name in METHODS])
        left.set_ylim(len(METHODS) - 0.5, -0.5)
        left.set_title("Coverage")
        left.set_xlabel(f"fraction of {n_scans} scans inside, leave-one-subject-out")
        right.set_title("Width")
        right.set_xlabel("mean width of the interval (% of the volume)")
        if table["width_percent"].notna().any():
            right.set_xscale("log")
            right.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            right.xaxis.set_major_formatter("{x:g}")
            right.xaxis.set_minor_formatter(NullFormatter())
        handles = _legend(groups, alpha)
        if np.isfinite(band).all():
            label = f"90 % of calibrations, {n_scans} new scans"
            handles.append(Patch(color=BAND_COLOUR, label=label))
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _panel(axes: Axes, table: pd.DataFrame, value: str, groups: Sequence[str]) -> None:
    step = BAND / max(len(groups), 1)
    for m, method in enumerate(METHODS):
        for g, group in enumerate(groups):
            row = m + (g - (len(groups) - 1) / 2) * step
            part = table[(table["method"] == method) & (table["group"] == group)]
            _pair(axes, part.dropna(subset=[value]), value, row, colour(group, groups))
        axes.axhline(m + 0.5, color="0.9", linewidth=0.7, zorder=0)
    axes.grid(axis="x", color="0.93", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)


def _pair(axes: Axes, part: pd.DataFrame, value: str, row: float, ink: str) -> None:
    single = part.loc[part["structure"] != ALL, value].to_numpy()
    if not len(single):
        return
    axes.plot(single, np.full(len(single), row), ".", color=ink, alpha=0.35, ms=5, mew=0)
    axes.plot(np.median(single), row, "o", color=ink, markersize=7, markeredgecolor="white")
    together = part.loc[part["structure"] == ALL, value].to_numpy()
    if value == "coverage" and len(together):
        axes.plot(together, [row], "D", color=ink, markersize=5, markerfacecolor="white")


def _levels(axes: Axes, alpha: float, band: tuple[float, float]) -> None:
    if np.isfinite(band).all():
        axes.axvspan(*band, color=BAND_COLOUR, zorder=0)
    axes.axvline(1.0 - alpha, color="black", linewidth=1.0, linestyle="--", zorder=1)


def _notes(axes: Axes, table: pd.DataFrame, alpha: float) -> None:
    known = set(table.loc[table["coverage"].notna(), "method"])
    reason = {
        method: f"undefined: needs {least_subjects(alpha)} other subjects" for method in METHODS
    }
    reason["naive"] = "undefined: needs 2 members"
    for m, method in enumerate(METHODS):
        if method not in known:
            axes.text(0.02, m, reason[method], va="center", fontsize=8, color="0.35")


def _legend(groups: Sequence[str], alpha: float) -> list[Line2D | Patch]:
    style: dict[str, Any] = {"color": "0.3", "linestyle": ""}
    level = f"{100 * (1 - alpha):g} %"
    return [
        *[Patch(color=colour(name, groups), label=title(name)) for name in groups],
        Line2D([], [], marker="o", markersize=7, label="median over structures", **style),
        Line2D([], [], marker=".", alpha=0.5, label="one structure", **style),
        Line2D([], [], marker="D", markerfacecolor="white", label="all at once", **style),
        Line2D([], [], color="black", linestyle="--", label=f"nominal, {level}"),
    ]


def caption(facts: Facts) -> str:
    """Return units, n and how to read coverage and width."""
    return (
        "Fraction of scans whose fully sampled volume lies in its interval (left), and the"
        " interval's mean width (% of the volume, logarithmic), by method, each subject left out in"
        f" turn. Dashed: nominal coverage, {share(1 - facts.params.alpha)}; grey: range of 90 % of"
        " calibrations of this size. Narrow intervals are better only at nominal coverage."
        f" {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "conformal",
    "Coverage and width of intervals for a volume",
    "Dots of coverage and width by method.",
    caption,
    read_and_draw,
    shown=lambda facts: facts.n_subjects >= LEAST_SUBJECTS,
    good="Good: coverage at the dashed line, with narrow intervals.",
)
