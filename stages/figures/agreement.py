"""Agreement with the fully sampled scan: Bland-Altman plots, limits and concordance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.figures.kit.dots import BAND, Dot, dot_rows, handles
from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import DASH, listed, number, percent
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title
from stages.statistics.questions.power import TRIAL_STRUCTURE

ROW_INCHES = 0.3
MARKERS = "osD^vP"  # of scans
CM3 = 1e-3
VALUES = ("bias", "lower", "upper", "ccc")
ENDS = [f"{name}{end}" for name in VALUES for end in ("", "_low", "_high")]


def read_and_draw(facts: Facts) -> Figure:
    """Draw the agreement of the architectures."""
    table = analysed("agreement", ["group", "structure", *ENDS])
    keys = ["group", "structure", "subject", "member"]
    points = analysed("differences", [*keys, "reference_mm3", "difference"])
    margin = facts.get("agreement", "margin_percent")
    return draw(table, points, facts.groups, facts.structures, margin or float("nan"))


def draw(
    table: pd.DataFrame,
    points: pd.DataFrame,
    groups: Sequence[str],
    structures: Sequence[str],
    margin: float,
) -> Figure:
    """Draw a Bland-Altman plot an architecture above; limits and concordance below.

    Args:
        table: columns group, structure and `ENDS`, as in plots/analyse/agreement.csv.
        points: columns group, structure, subject, member, reference_mm3, difference, as in
            plots/analyse/differences.csv.
        groups: the architectures.
        structures: in the order of the rows, from the top.
        margin: of equivalence, %.
    """
    shown = TRIAL_STRUCTURE if TRIAL_STRUCTURE in structures else structures[0]
    with rc_context(RC):
        rows = max(2.4, ROW_INCHES * len(structures))
        figure = new_figure(max(9.5, 3.2 * len(groups)), 4.3 + rows)
        halves = figure.subfigures(2, 1, height_ratios=(2.9, rows + 1.4), squeeze=False)
        above, below = halves[:, 0]
        panels = above.subplots(1, len(groups), sharey=True, squeeze=False)[0]
        for axes, group in zip(panels, groups, strict=True):
            lines = table[(table["group"] == group) & (table["structure"] == shown)]
            own = points[(points["group"] == group) & (points["structure"] == shown)]
            _bland_altman(axes, own, lines, colour(group, groups))
            axes.set_title(f"{title(group)}: {title(shown).lower()}")
        panels[0].set_ylabel("difference (%)")
        left, right = below.subplots(1, 2, sharey=True, width_ratios=(1.5, 1.0))
        _limits(left, table, groups, structures, margin)
        _concordance(right, table, groups, structures)
        below.legend(handles=handles(groups), loc="outside lower center", ncols=6, fontsize=8)
    return figure


def _bland_altman(axes: Axes, points: pd.DataFrame, lines: pd.DataFrame, shade: str) -> None:
    axes.set_xlabel("fully sampled volume (cm³)")
    axes.axhline(0, color="0.75", linewidth=0.8, zorder=0)
    for s, (_, scan) in enumerate(points.dropna().groupby("subject", sort=False)):
        look = MARKERS[s % len(MARKERS)]
        volume = CM3 * scan["reference_mm3"]
        axes.plot(volume, scan["difference"], look, color=shade, ms=4.5, alpha=0.7, mew=0)
    for name, style in (("bias", "-"), ("lower", "--"), ("upper", "--")):
        for value, low, high in lines[[name, f"{name}_low", f"{name}_high"]].to_numpy():
            if np.isfinite([value, low, high]).all():
                axes.axhspan(low, high, color=shade, alpha=0.13, lw=0)
                axes.axhline(value, color="black", linestyle=style, linewidth=1.1)
    axes.xaxis.set_major_locator(MaxNLocator(5))


def _limits(
    axes: Axes,
    table: pd.DataFrame,
    groups: Sequence[str],
    structures: Sequence[str],
    margin: float,
) -> None:
    if np.isfinite(margin):
        axes.axvspan(-margin, margin, color="0.92", lw=0, zorder=-1)
    dot_rows(axes, _dots(table, "bias"), groups, structures)
    for g, group in enumerate(groups):
        shift = (g - (len(groups) - 1) / 2) * BAND / max(1, len(groups))
        for name in ("lower", "upper"):
            for (of, structure), dot in _dots(table, name).items():
                if of == group and structure in structures and np.isfinite(dot.value):
                    row = list(structures).index(structure) + shift
                    axes.plot(dot.value, row, "|", color=colour(group, groups), ms=7, mew=1.4)
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(structures)), [title(name) for name in structures])
    axes.set_xscale("symlog", linthresh=5.0, linscale=1.5)
    ticks = [-40, -15, -5, -2, 0, 2, 5, 15, 40]
    ends = axes.get_xlim()
    axes.set_xticks([tick for tick in ticks if ends[0] <= tick <= ends[1]], minor=False)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xticks([], minor=True)
    axes.set_title("Bias with interval, and limits of agreement")
    axes.set_xlabel("difference (%), logarithmic beyond ±5; grey: margin of equivalence")


def _concordance(
    axes: Axes, table: pd.DataFrame, groups: Sequence[str], structures: Sequence[str]
) -> None:
    dot_rows(axes, _dots(table, "ccc"), groups, structures)
    axes.set_xlim(-1.02, 1.02)
    axes.set_title("Concordance (CCC)")
    axes.set_xlabel("Lin's coefficient; 1: equal")


def _dots(table: pd.DataFrame, name: str) -> dict[tuple[str, str], Dot]:
    values = table[[name, f"{name}_low", f"{name}_high"]].to_numpy(np.float64)
    keys = zip(table["group"], table["structure"], strict=True)
    return {key: Dot(*row) for key, row in zip(keys, values, strict=True)}


def caption(facts: Facts) -> str:
    """Return units, n and how to read the four kinds of panels."""
    level = percent(100 * facts.params.level, 0)
    margin = percent(facts.get("agreement", "margin_percent"), 2)
    found = listed([_counts(facts, group) for group in facts.groups])
    return (
        "Above: difference of each member's volume from the fully sampled one (% of that), a marker"
        " a scan; lines: bias (solid) and 95 % limits of agreement (dashed) for another member and"
        f" another scan, shaded: their {level} intervals. Below left: bias with its interval, and"
        f" limits (bars), a row a structure; grey: ±{margin}, a year of Alzheimer's disease beyond"
        " ageing in the hippocampus; biases shown to be within it (two one-sided tests,"
        f" false-discovery rate): {found}. Below right: Lin's concordance correlation coefficient"
        " with its interval; it falls with the differences and rises with how much subjects differ."
        f"{_relative(facts)} {pairs(facts)}."
    )


def _counts(facts: Facts, group: str) -> str:
    known = facts.get("agreement", group) or {}
    return f"{title(group)} {known.get('equivalent', DASH)} of {known.get('tested', DASH)}"


def _relative(facts: Facts) -> str:
    """Return what volumes relative to the intracranial volume change, where it is known."""
    changes = []
    for group in facts.groups:
        own = facts.get("agreement", group, "relative_to_intracranial") or {}
        before, after = (own.get(name) for name in ("cv_percent_of_volumes", "cv_percent"))
        if before is not None and after is not None:
            changes.append(f"{title(group)} {number(before)} to {percent(after, 2)}")
    if not changes:
        return ""
    return f" Relative to the intracranial volume the median CV goes from {listed(changes)}."


FIGURE = StudyFigure(
    "agreement",
    "Agreement with the fully sampled scan",
    "Bland-Altman plots, and rows of biases with limits and of concordance.",
    caption,
    read_and_draw,
    good="Good: points and limits inside the grey band, and a concordance near 1.",
)
