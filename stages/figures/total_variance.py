"""What part of a volume's variance is the reconstruction's, and what the segmentation's."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import number, share, span
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import title

COLUMNS = ["group", "structure", "component", "n_members", "n_draws", "fraction"]
COLUMNS += ["fraction_low", "fraction_high"]
ALL = "all_structures"
ROW_INCHES = 0.3
HEIGHT = 0.62  # of a bar, in rows
PERCENT = 100.0
# none of the colours of an architecture
PARTS = {
    "reconstruction": ("#D55E00", "reconstruction: between members"),
    "segmentation": ("#CC79A7", "segmentation: its place on the voxel grid, all members alike"),
    "interaction": ("#56B4E9", "segmentation: interaction of place and member"),
}


def read_and_draw(facts: Facts) -> Figure:
    """Draw the groups whose images were segmented repeatedly."""
    return draw(analysed("total_variance", COLUMNS), facts.structures)


def draw(table: pd.DataFrame, structures: Sequence[str]) -> Figure:
    """Draw the fractions of the variance as stacked bars, a row a structure, a panel a group.

    The interval is that of the reconstruction's fraction, where its bar ends.

    Args:
        table: as in plots/analyse/total_variance.csv; undefined structures have no bar.
        structures: in the order of the rows, from the top, below all of them together.
    """
    groups = list(dict.fromkeys(table["group"]))
    rows = [ALL, *structures]
    with rc_context(RC):
        figure = new_figure(
            max(5.5, 2.6 * len(groups) + 2.2), max(3.2, 1.9 + ROW_INCHES * len(rows))
        )
        panels = figure.subplots(1, max(len(groups), 1), sharey=True, squeeze=False)[0]
        for axes, group in zip(panels, groups, strict=False):
            part = table[table["group"] == group]
            _panel(axes, part, rows)
            sizes = part[["n_members", "n_draws"]].max()
            axes.set_title(
                f"{title(group)}\n{sizes.iloc[0]:.0f} members, {sizes.iloc[1]:.0f} draws"
            )
        for axes in panels:
            axes.set_xlim(0.0, PERCENT)
            axes.tick_params(axis="y", length=0)
        names = ["All structures", *(title(name) for name in structures)]
        panels[0].set_yticks(range(len(rows)), names)
        panels[0].set_ylim(len(rows) - 0.5, -0.5)
        panels[len(panels) // 2].set_xlabel("fraction of a volume's variance (%)")
        handles = [Patch(color=shade, label=label) for shade, label in PARTS.values()]
        figure.legend(handles=handles, loc="outside lower center", fontsize=8)
    return figure


def widths(fractions: Mapping[str, float]) -> dict[str, float]:
    """Return the widths of the bars in percent, from 0 to 100; the segmentation's without its own
    interaction.

    Args:
        fractions: component -> fraction of the total, of which only the reconstruction's can be
            below 0.
    """
    of_images = float(np.clip(fractions["reconstruction"], 0.0, 1.0))
    both = float(np.clip(fractions["interaction"], 0.0, 1.0 - of_images))
    found = (of_images, 1.0 - of_images - both, both)
    return dict(zip(PARTS, (PERCENT * each for each in found), strict=True))


def _panel(axes: Axes, table: pd.DataFrame, rows: Sequence[str]) -> None:
    known = table.set_index(["structure", "component"])
    for k, structure in enumerate(rows):
        if (structure, "reconstruction") not in known.index:
            continue
        own = known.loc[structure]
        fractions = own["fraction"].to_dict()
        if not np.isfinite([fractions[name] for name in PARTS]).all():
            continue
        start = 0.0
        for name, width in widths(fractions).items():
            axes.barh(k, width, HEIGHT, left=start, color=PARTS[name][0])
            start += width
        ends = PERCENT * own.loc["reconstruction", ["fraction_low", "fraction_high"]].to_numpy(
            float
        )
        if np.isfinite(ends).all():
            axes.plot(np.clip(ends, 0.0, PERCENT), [k] * 2, color="black", linewidth=1.2)


def summary(facts: Facts) -> str:
    """Return the reconstruction's fraction over all structures of each group, a sentence."""
    found = []
    for group, tree in (facts.get("total_variance") or {}).items():
        own = tree.get("fraction", {}).get("reconstruction", {})
        if "value" in own:
            value, low, high = (PERCENT * own.get(k, np.nan) for k in ("value", "low", "high"))
            inside = f" ({span(low, high, 0)})" if np.isfinite([low, high]).all() else ""
            found.append(f"{title(group)} {number(value, 0)}{inside} %")
    return f" Reconstruction, over all structures: {', '.join(found)}." if found else ""


def caption(facts: Facts) -> str:
    """Return units, n and how to read the bars."""
    return (
        "Law of total variance: every member's image was segmented after the same random shifts by"
        " parts of a voxel. Fractions (%) of the variance of one segmentation of one member's"
        " image, means over scans; all structures: mean of theirs. Estimates are free of bias and"
        " may lie outside 0 to 100; bars end there. Black:"
        f" {share(facts.params.level)} interval of the reconstruction's fraction over subjects and"
        f" members.{summary(facts)} {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "total_variance",
    "Reconstruction and segmentation in the variance of volumes",
    "Stacked bars of three fractions, a row a structure, a panel a group.",
    caption,
    read_and_draw,
    good="Good: mostly reconstruction; no voxelwise SD of images predicts the segmentation's part.",
)
