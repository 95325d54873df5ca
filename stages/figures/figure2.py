"""Figure 2: variability and bias of volumes, per structure and group."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stages.figures.kit.dots import handles, marker
from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import number, percent
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title
from stages.statistics.questions.paper import CV, anchors

ROW_INCHES = 0.46
LEAST_BOX = 8  # scans: quartiles of fewer say less than the scans themselves
LEAST_CV = 0.01  # percent, where the logarithmic axis ends
LINEAR = 5.0  # percent, where the axis of the bias becomes logarithmic
ANCHORED = ["structure", "cv_percent", "measure", "source"]
RESCANS, SIMULATED = "CV of phantoms", "draws of method rescans"
DASHES = {CV: ":", RESCANS: "-"}  # any other: "-."
MOST_COLUMNS = 6  # of the legend
BAND = 0.84  # part of a structure's row that its boxes fill


def read_and_draw(facts: Facts) -> Figure:
    """Draw variability and bias of all ensembles, noise included."""
    cv = analysed("cv", ["group", "structure", "cv"])
    bias = analysed("bias", ["group", "structure", "bias"])
    groups = facts.shown or facts.compared  # one image a scan has a bias alone
    again = cv[cv["group"].isin(facts.rescans)]
    lines = pd.concat([anchors(), rescanned(again)], ignore_index=True)
    cv, bias = (table[table["group"].isin(groups)] for table in (cv, bias))
    return draw(cv, bias, groups, facts.structures, lines)


def rescanned(cv: pd.DataFrame) -> pd.DataFrame:
    """Return the median CV between scans of one simulated subject, as `anchors`."""
    medians = cv.groupby("structure", sort=False)["cv"].median().dropna()
    found = medians.rename("cv_percent").reset_index()
    return found.assign(measure=RESCANS, source=SIMULATED)[ANCHORED]


def draw(
    cv: pd.DataFrame,
    bias: pd.DataFrame,
    groups: Sequence[str],
    structures: Sequence[str],
    retest: pd.DataFrame,
) -> Figure:
    """Draw coefficient of variation left, bias right: scans as points, or boxes of many scans.

    Args:
        cv: columns group, structure, cv (percent).
        bias: columns group, structure, bias (percent).
        groups: in the order of the boxes.
        structures: in the order of the rows, from the top.
        retest: columns structure, cv_percent, measure: published variability between repeated
            scans.
    """
    with rc_context(RC):
        figure = new_figure(10.5, 1.5 + ROW_INCHES * len(structures))
        left, right = figure.subplots(1, 2, sharey=True)
        _panel(left, cv, "cv", groups, structures)
        _panel(right, bias, "bias", groups, structures)
        left.set_yticks(range(len(structures)), [title(name) for name in structures])
        left.set_ylim(len(structures) - 0.5, -0.5)
        _logarithmic(left, cv["cv"].to_numpy(float))
        known = retest[retest["structure"].isin(structures)]
        for entry in known.itertuples():
            row = list(structures).index(entry.structure)
            look: dict[str, Any] = {"color": "black", "linestyle": _dash(entry.measure)}
            left.vlines(entry.cv_percent, row - 0.5, row + 0.5, linewidth=1.4, **look)
        right.axvline(0, color="black", linewidth=0.8, zorder=1)
        right.set_xscale("symlog", linthresh=LINEAR, linscale=1.0)
        _plain(right, [sign * v for v in (1, 2, 5, 10, 20, 50) for sign in (-1, 1)] + [0])
        _say(left, cv, "one image a scan has no variability")
        _say(right, bias, "there is no reference")
        left.set_title("Variability between members")
        left.set_xlabel("coefficient of variation of the volume (%), logarithmic")
        right.set_title("Bias against the fully sampled scan")
        right.set_xlabel(f"mean over members (%), logarithmic beyond ±{LINEAR:g}")
        patches = [Patch(color=colour(name, groups), label=title(name)) for name in groups]
        marks = patches if _scans(cv) >= LEAST_BOX else handles(groups)
        lines = [_line(name) for name in dict.fromkeys(known["measure"])]
        entries = [*marks, *lines]
        n_columns = MOST_COLUMNS if len(entries) <= MOST_COLUMNS else 4  # or they are cut
        figure.legend(handles=entries, loc="outside lower center", ncols=n_columns)
    return figure


def _dash(measure: str) -> str:
    return DASHES.get(measure, "-.")


def _line(measure: str) -> Line2D:
    return Line2D([], [], color="black", linestyle=_dash(measure), label=f"test-retest {measure}")


def _logarithmic(axes: Axes, values: np.ndarray) -> None:
    """Set a logarithmic axis that holds all values above its least end; the rest is at the end."""
    known = values[np.isfinite(values) & (values > 0)]
    if not len(known):
        return
    axes.set_xscale("log")
    axes.set_xlim(max(LEAST_CV, known.min() / 1.3), known.max() * 1.3)
    _plain(axes, [m * 10.0**e for e in range(-3, 4) for m in (1, 2, 5)])


def _plain(axes: Axes, ticks: Sequence[float]) -> None:
    """Label those of some ticks that are in view by plain numbers."""
    low, high = axes.get_xlim()
    inside = sorted(value for value in ticks if low <= value <= high)
    axes.set_xticks(inside, [number(v, 2).rstrip("0").rstrip(".") for v in inside])
    axes.minorticks_off()


def _panel(
    axes: Axes, table: pd.DataFrame, value: str, groups: Sequence[str], structures: Sequence[str]
) -> None:
    step = BAND / len(groups)
    for g, group in enumerate(groups):
        part = table[table["group"] == group].dropna(subset=[value])
        samples = [part.loc[part["structure"] == k, value].to_numpy() for k in structures]
        rows = np.arange(len(structures)) + (g - (len(groups) - 1) / 2) * step
        if _scans(table) >= LEAST_BOX:
            _boxes(axes, samples, rows, step * 0.86, colour(group, groups))
        else:
            _points(axes, samples, rows, (colour(group, groups), marker(group, groups)))
    for edge in np.arange(len(structures) - 1) + 0.5:
        axes.axhline(edge, color="0.88", linewidth=0.7, zorder=0)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)


def _scans(table: pd.DataFrame) -> int:
    """Return the most rows of a structure in one group: its scans."""
    return int(table.groupby(["group", "structure"]).size().max()) if len(table) else 0


def _points(axes: Axes, samples: list[np.ndarray], rows: np.ndarray, look: tuple[str, str]) -> None:
    """Draw a point a scan, and their median as a stroke."""
    paint, mark = look
    for values, row in zip(samples, rows, strict=True):
        if len(values):
            height = np.full(len(values), row)
            axes.plot(values, height, mark, color=paint, markersize=3.6, alpha=0.75)
            axes.plot(np.median(values), row, "|", color="black", markersize=7, zorder=4)


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
    """Return units, n, how to read points or boxes, and where the test-retest lines come from."""
    shown = (
        "Boxes hold the middle half of the scans, the black line is the median"
        if facts.n_scans >= LEAST_BOX
        else f"A point a scan (boxes need {LEAST_BOX}), a stroke at their median"
    )
    return (
        "Left: coefficient of variation (CV, %) of each volume over the members; right: bias (%),"
        f" mean over members against the same segmenter on the fully sampled scan. {shown}."
        f"{_retest(facts)}{_rescans(facts)} {pairs(facts)}."
    )


def _retest(facts: Facts) -> str:
    """Return what the lines of repeated scans are, with their sources."""
    known = anchors()
    known = known[known["structure"].isin(facts.structures)]
    each = [
        f"{title(str(structure)).lower()} {percent(value)} ({measure}; {source})"
        for structure, value, measure, source in known[
            ["structure", "cv_percent", "measure", "source"]
        ].itertuples(index=False)
    ]
    if not each:
        return ""
    return (
        f" Lines, from repeated scans of one person: {'; '.join(each)}. A mean absolute difference"
        " is no CV: of normal errors it is 1.13 CV."
    )


def _rescans(facts: Facts) -> str:
    if not facts.rescans:
        return ""
    return " Solid lines: the same phantoms scanned again, median over scans."


FIGURE = StudyFigure(
    "figure2",
    "Variability and bias, by structure",
    "Points or boxes of variability and bias, a row a structure and a colour a group.",
    caption,
    read_and_draw,
    questions=("volumes",),
    good="Good: CV left of the test-retest line, bias at 0.",
    part="volumes",
)
