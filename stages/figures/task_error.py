"""Image quality against errors of volumes of all members, as measured and within architectures."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import number, share, span
from stages.figures.kit.sample import sample
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title
from stages.statistics.questions.image_quality import MEASURES
from stages.statistics.questions.task_error import ERRORS, VARIABLES

LABELS = {
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
    "variability": "distance from the\nensemble's mean volume (%)",
    "bias": "distance from the\nreference volume (%)",
}
SHORT = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "variability": "distance\nfrom the mean",
    "bias": "distance\nfrom the reference",
}
MARKERS = "osD^vP"
SCOPES = ("pooled", "within")


def read_and_draw(facts: Facts) -> Figure:
    """Draw the members of the architectures."""
    columns = ["group", *VARIABLES, *(f"{name}_rank" for name in VARIABLES)]
    found = facts.get("task_error", "all") or {}
    return draw(analysed("task_error", columns), facts.groups, found)


def draw(table: pd.DataFrame, groups: Sequence[str], found: Mapping[str, Any]) -> Figure:
    """Draw task error against image quality: above as measured, below as ranks within architecture.

    Args:
        table: columns group, psnr, ssim, variability, bias and each `<variable>_rank`, as in
            plots/analyse/task_error.csv.
        groups: the architectures.
        found: score -> error -> within -> spearman, low, high, as in
            metrics/analyse/task_error.json.
    """
    pairs = [(score, error) for error in ERRORS for score in MEASURES]
    with rc_context(RC):
        figure = new_figure(2.9 * len(pairs), 6.2)
        panels = figure.subplots(len(SCOPES), len(pairs))
        for column, (score, error) in enumerate(pairs):
            above, below = panels[:, column]
            _panel(above, table, groups, (score, error), "pooled")
            _panel(below, table, groups, (score, error), "within")
            below.set_title(_correlation(found.get(score, {}).get(error, {})), fontsize=9)
        figure.legend(
            handles=_legend(groups), loc="outside lower center", ncols=max(1, len(groups))
        )
    return figure


def _panel(
    axes: Axes, table: pd.DataFrame, groups: Sequence[str], pair: tuple[str, str], scope: str
) -> None:
    suffix = "_rank" if scope == "within" else ""
    x, y = (f"{name}{suffix}" for name in pair)
    for g, group in enumerate(groups):
        part = table[table["group"] == group]
        style: dict[str, Any] = {
            "color": colour(group, groups),
            "marker": MARKERS[g % len(MARKERS)],
        }
        axes.plot(
            part[x],
            part[y],
            linestyle="",
            markersize=5 + 2 * (scope == "within"),
            fillstyle="none" if scope == "within" else "full",
            alpha=0.85,
            **style,
        )
    score, error = pair
    ranked = scope == "within"
    axes.set_xlabel(f"rank of {SHORT[score]} in its architecture" if ranked else LABELS[score])
    axes.set_ylabel(f"rank of {SHORT[error]}" if ranked else LABELS[error])
    shown = table[table["group"].isin(groups)]
    axes.set_title(f"as measured, n = {len(shown)}", fontsize=9)
    if ranked:
        axes.set(xlim=(-0.55, 0.55), ylim=(-0.55, 0.55))
    elif len(shown):
        axes.set_ylim(bottom=0)


def _correlation(found: Mapping[str, Any]) -> str:
    leaf = found.get("within", {})
    ends = span(leaf.get("low"), leaf.get("high"))
    return f"within: ρ = {number(leaf.get('spearman'))} ({ends})"


def _legend(groups: Sequence[str]) -> list[Line2D]:
    return [
        Line2D(
            [],
            [],
            linestyle="",
            color=colour(group, groups),
            label=title(group),
            marker=MARKERS[g % len(MARKERS)],
        )
        for g, group in enumerate(groups)
    ]


def caption(facts: Facts) -> str:
    """Return units, n and how to read the points."""
    return (
        "Image quality (PSNR in dB, SSIM; mean over scans) against how far a member's volumes are"
        " from the ensemble's mean and from the fully sampled scan (%; median over structures and"
        " scans), a point a member; below as ranks within each architecture, with Spearman's ρ and"
        f" its {share(facts.params.level)} interval over members and subjects. A falling line"
        " there means that members with better images give"
        f" better volumes. {sample(facts)}."
    )


FIGURE = StudyFigure(
    "task_error",
    "Do better images give better volumes?",
    "Scatter plots of image quality and error of volumes, a point a member.",
    caption,
    read_and_draw,
    good="Good: falling lines: better images, better volumes.",
)
