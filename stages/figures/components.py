"""The variance components of each volume with their intervals, one panel an architecture."""

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
from stages.figures.kit.phrasing import number, percent, span
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import title

ROW_INCHES = 0.3
BAND = 0.6  # fraction of a structure's row that its dots fill
MARGIN = 1.25  # of the axis beyond the values on it
LEAST = 0.03  # % that the axis begins at, at least
# none of the colours of an architecture
PARTS: dict[str, tuple[str, str, str]] = {
    "member": ("#D55E00", "o", "member: the same offset on every scan"),
    "interaction": ("#56B4E9", "s", "interaction of member and scan"),
    "segmentation": ("#CC79A7", "^", "segmentation of one image"),
}
MERGED = "interaction of member and scan, with segmentation"


def read_and_draw(facts: Facts) -> Figure:
    """Draw the components of the architectures."""
    values = ["cv_percent", "cv_low", "cv_high", "n_scans", "n_members"]
    table = analysed("components", ["group", "structure", "component", *values])
    return draw(table, facts.groups, facts.structures, offsets(facts))


def offsets(facts: Facts) -> dict[str, Dot]:
    """Return the fraction of each group's variance that is members' offsets, in %."""
    found = {}
    for group in facts.groups:
        known = facts.get("components", group, "member_offset_fraction") or {}
        ends = [known.get(key, float("nan")) for key in ("value", "low", "high")]
        found[group] = Dot(*ends)
    return found


def draw(
    table: pd.DataFrame,
    groups: Sequence[str],
    structures: Sequence[str],
    offset: Mapping[str, Dot],
) -> Figure:
    """Draw the CV that each component alone would give, with its interval, a row a structure.

    Args:
        table: columns group, structure, component, cv_percent, cv_low, cv_high, n_scans,
            n_members, as in plots/analyse/components.csv.
        groups: the architectures.
        structures: in the order of the rows, from the top.
        offset: from `offsets`.
    """
    known = [name for name in PARTS if (table["component"] == name).any()]
    with rc_context(RC):
        figure = new_figure(3.3 * len(groups) + 1.8, max(3.4, 2.2 + ROW_INCHES * len(structures)))
        panels = figure.subplots(1, len(groups), sharey=True, sharex=True, squeeze=False)[0]
        ends = _limits(table[table["component"].isin(known)])
        for axes, group in zip(panels, groups, strict=True):
            part = table[table["group"] == group]
            _panel(axes, part, known, structures, ends[0])
            axes.set_title(_heading(part, group, offset.get(group)))
        _rows(panels, structures, ends)
        panels[len(groups) // 2].set_xlabel(
            "CV of a volume by each component alone (%), logarithmic"
        )
        figure.legend(handles=_legend(known), loc="outside lower center", ncols=2, fontsize=8)
    return figure


def _heading(table: pd.DataFrame, group: str, offset: Dot | None) -> str:
    if table.empty:
        return title(group)
    n_members, n_scans = table["n_members"].max(), table["n_scans"].max()
    heading = f"{title(group)} ({n_members:.0f} members, {n_scans:.0f} scans)"
    if offset is None or not np.isfinite(offset.value):
        return heading
    ends = span(offset.low, offset.high, 0)
    return f"{heading}\noffset: {number(offset.value, 0)} ({ends}) % of CV²"


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of the axis: estimates near 0 lie on its left end."""
    values = table["cv_percent"].to_numpy(np.float64)
    values = values[values > 0]
    if not len(values):
        return LEAST, 1.0
    high = table["cv_high"].to_numpy(np.float64)
    shown = np.append(values, high[high > 0])
    return max(LEAST, float(shown.min()) / MARGIN), float(shown.max()) * MARGIN


def _panel(
    axes: Axes,
    table: pd.DataFrame,
    known: Sequence[str],
    structures: Sequence[str],
    start: float,
) -> None:
    values = table.set_index(["structure", "component"])[["cv_percent", "cv_low", "cv_high"]]
    dots = {key: Dot(*row) for key, row in zip(values.index, values.to_numpy(), strict=True)}
    for p, name in enumerate(known):
        shift = (p - (len(known) - 1) / 2) * BAND / max(1, len(known))
        for k, structure in enumerate(structures):
            dot = dots.get((structure, name))
            if dot is None or not np.isfinite(dot.value):
                continue
            row = [k + shift] * 2
            if np.isfinite(dot.low) and dot.high > start:
                axes.plot([max(dot.low, start), dot.high], row, color=PARTS[name][0], lw=1.3)
            shown = max(dot.value, start)
            axes.plot(shown, row[0], clip_on=False, **_look(name, hollow=dot.value < start))


def _look(name: str, *, hollow: bool = False) -> dict[str, Any]:
    shade, marker, _ = PARTS[name]
    face = "white" if hollow else shade
    return {"marker": marker, "ms": 4.8, "mec": shade, "mfc": face, "linestyle": "", "zorder": 3}


def _rows(panels: Sequence[Axes], structures: Sequence[str], ends: tuple[float, float]) -> None:
    panels[0].set_yticks(range(len(structures)), [title(name) for name in structures])
    panels[0].set_ylim(len(structures) - 0.5, -0.5)
    panels[0].set_xscale("log")
    panels[0].set_xlim(*ends)
    for axes in panels:
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        for edge in range(len(structures) - 1):
            axes.axhline(edge + 0.5, color="0.9", linewidth=0.7, zorder=0)
        axes.grid(axis="x", color="0.92", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)


def _legend(known: Sequence[str]) -> list[Line2D]:
    labels = {name: PARTS[name][2] for name in known}
    if "interaction" in labels and "segmentation" not in labels:
        labels["interaction"] = MERGED
    return [Line2D([], [], label=label, **_look(name)) for name, label in labels.items()]


def caption(facts: Facts) -> str:
    """Return units, n and how to read the dots."""
    level = percent(100 * facts.params.level, 0)
    return (
        "CV of a volume (%) by component: the member's offset, the same on every scan, and the"
        " interaction of member and scan, which includes the segmenter's own variability;"
        f" restricted maximum likelihood, with {level} intervals. Their squares add up to that of"
        " the CV. Hollow: below the axis. The offset is a bias of the member and could be"
        " calibrated away; titles: its fraction of the variance over all structures."
        f" {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "components",
    "Variance components: member, and interaction of member and scan",
    "Two dots with intervals, a row a structure, a panel an architecture.",
    caption,
    read_and_draw,
    shown=lambda facts: any(facts.ensembles.group(g).crossed for g in facts.ensembles.ensembles),
    good="Good: both parts small; the first alone can be calibrated away.",
)
