"""Figure 2: variability and bias of volumes, per structure and group."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title
from stages.statistics.questions.paper import anchors

ROW_INCHES = 0.46
BAND = 0.84  # part of a structure's row that its boxes fill


def read_and_draw(facts: Facts) -> Figure:
    """Draw variability and bias of all ensembles, noise included."""
    cv = analysed("cv", ["group", "structure", "cv"])
    bias = analysed("bias", ["group", "structure", "bias"])
    groups = facts.varying or facts.compared  # one image a scan has a bias alone
    return draw(cv, bias, groups, facts.structures, anchors())


def draw(
    cv: pd.DataFrame,
    bias: pd.DataFrame,
    groups: Sequence[str],
    structures: Sequence[str],
    retest: pd.DataFrame,
) -> Figure:
    """Draw box plots over scans: coefficient of variation left, bias right.

    Args:
        cv: columns group, structure, cv (percent).
        bias: columns group, structure, bias (percent).
        groups: in the order of the boxes.
        structures: in the order of the rows, from the top.
        retest: columns structure, cv_percent: published variability between repeated scans.
    """
    with rc_context(RC):
        figure = new_figure(10.5, 1.5 + ROW_INCHES * len(structures))
        left, right = figure.subplots(1, 2, sharey=True)
        _panel(left, cv, "cv", groups, structures)
        _panel(right, bias, "bias", groups, structures)
        left.set_yticks(range(len(structures)), [title(name) for name in structures])
        left.set_ylim(len(structures) - 0.5, -0.5)
        left.set_xlim(left=0)
        for row, structure in enumerate(structures):
            known = retest.loc[retest["structure"] == structure, "cv_percent"]
            left.vlines(known, row - 0.5, row + 0.5, color="black", linestyle=":", linewidth=1.4)
        right.axvline(0, color="black", linewidth=0.8, zorder=1)
        _say(left, cv, "one image a scan has no variability")
        _say(right, bias, "there is no reference")
        left.set_title("Variability between members")
        left.set_xlabel("coefficient of variation of the volume (%)")
        right.set_title("Bias against the fully sampled scan")
        right.set_xlabel("difference of the volume, mean over members (%)")
        patches = [Patch(color=colour(name, groups), label=title(name)) for name in groups]
        line = Line2D(
            [], [], color="black", linestyle=":", label="published test-retest variability"
        )
        handles = [*patches, line] if retest["structure"].isin(structures).any() else patches
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _panel(
    axes: Axes, table: pd.DataFrame, value: str, groups: Sequence[str], structures: Sequence[str]
) -> None:
    step = BAND / len(groups)
    for g, group in enumerate(groups):
        part = table[table["group"] == group].dropna(subset=[value])
        samples = [part.loc[part["structure"] == k, value].to_numpy() for k in structures]
        rows = np.arange(len(structures)) + (g - (len(groups) - 1) / 2) * step
        _boxes(axes, samples, rows, step * 0.86, colour(group, groups))
    for edge in np.arange(len(structures) - 1) + 0.5:
        axes.axhline(edge, color="0.88", linewidth=0.7, zorder=0)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)


def _say(axes: Axes, table: pd.DataFrame, why: str) -> None:
    """Write why a panel is empty, if it is."""
    if table.empty:
        axes.set_xticks([])
        axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center")


def _boxes(
    axes: Axes, samples: list[np.ndarray], rows: np.ndarray, width: float, fill: str
) -> None:
    known = [(values, row) for values, row in zip(samples, rows, strict=True) if len(values)]
    if not known:
        return
    axes.boxplot(
        [values for values, _ in known],
        positions=[row for _, row in known],
        orientation="horizontal",
        widths=width,
        manage_ticks=False,
        patch_artist=True,
        boxprops={"facecolor": fill, "edgecolor": fill, "linewidth": 0.6},
        medianprops={"color": "black", "linewidth": 1.2},
        whiskerprops={"color": fill},
        capprops={"color": fill},
        flierprops={"marker": ".", "markersize": 4, "markeredgecolor": fill},
    )


def caption(facts: Facts) -> str:
    """Return units, n and how to read the boxes."""
    return (
        "Left: coefficient of variation (CV, %) of each volume over the members; right: bias (%),"
        " mean over members against the same segmenter on the fully sampled scan. Boxes hold the"
        " middle half of the scans, the black line is the median. Dotted: published"
        " variability between repeated scans of one person. A CV left of the dotted line would hide"
        f" in ordinary repeatability. {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "figure2",
    "Variability and bias",
    "Box plots of variability and bias, a row a structure and a colour a group.",
    caption,
    read_and_draw,
    questions=("volumes",),
)
