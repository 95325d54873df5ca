"""Image quality against errors of volumes of the members, within architectures."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.kit.dots import marker
from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import number, share, span
from stages.figures.kit.sample import sample
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title
from stages.statistics.questions.image_quality import MEASURES
from stages.statistics.questions.task_error import ERRORS, VARIABLES

SHORT = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "variability": "distance\nfrom the mean",
    "bias": "distance\nfrom the reference",
}


def read_and_draw(facts: Facts) -> Figure:
    """Draw the members of the architectures."""
    columns = ["group", *VARIABLES, *(f"{name}_rank" for name in VARIABLES)]
    found = facts.get("task_error", "all") or {}
    return draw(analysed("task_error", columns), facts.groups, found)


def draw(table: pd.DataFrame, groups: Sequence[str], found: Mapping[str, Any]) -> Figure:
    """Draw task error against image quality as ranks within each architecture.

    Over all architectures the better one would make the relation, whatever its members do.

    Args:
        table: columns group, psnr, ssim, variability, bias and each `<variable>_rank`, as in
            plots/analyse/task_error.csv.
        groups: the architectures.
        found: score -> error -> within -> spearman, low, high, as in
            metrics/analyse/task_error.json.
    """
    pairs = [(score, error) for error in ERRORS for score in MEASURES]
    with rc_context(RC):
        figure = new_figure(2.9 * len(pairs), 3.4)
        panels = figure.subplots(1, len(pairs))
        for axes, (score, error) in zip(panels, pairs, strict=True):
            _panel(axes, table, groups, (score, error))
            axes.set_title(_correlation(found.get(score, {}).get(error, {})), fontsize=9)
        figure.legend(
            handles=_legend(groups), loc="outside lower center", ncols=max(1, len(groups))
        )
    return figure


def _panel(axes: Axes, table: pd.DataFrame, groups: Sequence[str], pair: tuple[str, str]) -> None:
    x, y = (f"{name}_rank" for name in pair)
    for group in groups:
        part = table[table["group"] == group]
        style: dict[str, Any] = {
            "color": colour(group, groups),
            "marker": marker(group, groups),
        }
        axes.plot(
            part[x],
            part[y],
            linestyle="",
            markersize=7,
            fillstyle="none",
            alpha=0.85,
            **style,
        )
    score, error = pair
    axes.set_xlabel(f"rank of {SHORT[score]} in its architecture")
    axes.set_ylabel(f"rank of {SHORT[error]}")
    axes.set(xlim=(-0.55, 0.55), ylim=(-0.55, 0.55))


def _correlation(found: Mapping[str, Any]) -> str:
    leaf = found.get("within", {})
    ends = span(leaf.get("low"), leaf.get("high"))
    return f"ρ = {number(leaf.get('spearman'))} ({ends})"


def _legend(groups: Sequence[str]) -> list[Line2D]:
    return [
        Line2D(
            [],
            [],
            linestyle="",
            color=colour(group, groups),
            label=title(group),
            marker=marker(group, groups),
        )
        for group in groups
    ]


def caption(facts: Facts) -> str:
    """Return units, n and how to read the points."""
    return (
        "Ranks within each architecture of image quality (PSNR, SSIM; mean over scans) and of how"
        " far a member's volumes are from the ensemble's mean and from the fully sampled scan"
        " (median over structures and scans), a point a member; above: Spearman's ρ and its"
        f" {share(facts.params.level)} interval over members and subjects. A falling line means"
        " that members with better images give better volumes; the numbers of the members are in"
        f" plots/analyse/task_error.csv. {sample(facts)}."
    )


FIGURE = StudyFigure(
    "task_error",
    "Image quality against errors of volumes",
    "Scatter plots of image quality and error of volumes, a point a member.",
    caption,
    read_and_draw,
    good="Good: falling lines: better images, better volumes.",
)
