"""The variance components of each volume, one panel an architecture."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import title

ROW_INCHES = 0.27
BAR = 0.72  # fraction of a structure's row that its bar fills
# none of the colours of an architecture
PARTS = {
    "member": ("#D55E00", "member: the same offset on every scan"),
    "interaction": ("#56B4E9", "interaction of member and scan"),
    "segmentation": ("#F0E442", "segmentation of one image"),
}
MERGED = "interaction of member and scan, with segmentation"


def read_and_draw(facts: Facts) -> Figure:
    """Draw the components of the architectures."""
    columns = ["group", "structure", "component", "cv_percent", "fraction", "n_scans", "n_members"]
    return draw(analysed("components", columns), facts.groups, facts.structures)


def draw(table: pd.DataFrame, groups: Sequence[str], structures: Sequence[str]) -> Figure:
    """Draw a bar a structure: as long as its CV, divided in the proportions of CV^2.

    Squares add up, but span orders of magnitude between structures; roots fit on one axis.

    Args:
        table: columns group, structure, component, cv_percent, share, n_scans, n_members, as in
            plots/analyse/components.csv.
        groups: the architectures.
        structures: in the order of the rows, from the top.
    """
    known = [name for name in PARTS if (table["component"] == name).any()]
    with rc_context(RC):
        figure = new_figure(3.3 * len(groups) + 1.8, max(3.0, 1.9 + ROW_INCHES * len(structures)))
        panels = figure.subplots(1, len(groups), sharey=True, sharex=True, squeeze=False)[0]
        for axes, group in zip(panels, groups, strict=True):
            _panel(axes, table[table["group"] == group], known, structures)
            axes.set_title(_heading(table[table["group"] == group], group))
        panels[0].set_yticks(range(len(structures)), [title(name) for name in structures])
        panels[0].set_ylim(len(structures) - 0.5, -0.5)
        panels[0].set_xlim(left=0)
        panels[len(groups) // 2].set_xlabel("CV of a volume (%), divided in proportion to CV²")
        figure.legend(handles=_legend(known), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _heading(table: pd.DataFrame, group: str) -> str:
    if table.empty:
        return title(group)
    n_members, n_scans = table["n_members"].max(), table["n_scans"].max()
    return f"{title(group)} ({n_members:.0f} members, {n_scans:.0f} scans)"


def _panel(
    axes: Axes, table: pd.DataFrame, known: Sequence[str], structures: Sequence[str]
) -> None:
    keys = ["structure", "component"]
    fraction = table.drop_duplicates(keys).pivot(index=keys[0], columns=keys[1], values="fraction")
    fraction = fraction.reindex(index=list(structures), columns=list(known)).fillna(0.0).to_numpy()
    squares = table[table["component"].isin(known)].assign(square=lambda t: t["cv_percent"] ** 2)
    total = np.sqrt(squares.groupby("structure")["square"].sum())
    length = total.reindex(list(structures)).fillna(0.0).to_numpy()
    left = np.zeros(len(structures))
    for name, part in zip(known, fraction.T, strict=True):
        width = length * part / 100.0
        axes.barh(range(len(structures)), width, BAR, left=left, color=PARTS[name][0])
        left += width
    axes.grid(axis="x", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)


def _legend(known: Sequence[str]) -> list[Patch]:
    labels = {name: PARTS[name][1] for name in known}
    if "interaction" in labels and "segmentation" not in labels:
        labels["interaction"] = MERGED
    return [Patch(color=PARTS[name][0], label=label) for name, label in labels.items()]


def caption(facts: Facts) -> str:
    """Return units, n and how to read the bars."""
    return (
        "CV of a volume (%), divided in proportion to its square: what a member adds to every scan"
        " alike, and what it adds to one scan alone, the segmenter's own variability included. The"
        f" first part is a bias of the member and could be calibrated away. {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "components",
    "Of the member, or of member and scan",
    "Bars of two parts, a row a structure.",
    caption,
    read_and_draw,
)
