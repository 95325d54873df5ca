"""Kinds of repeated images side by side: what they spread by, predict and cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import number, share
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import title

COLUMNS = ["group", "of", "kind", "n_members", "n_trainings", "n_reconstructions"]
VALUES = ["target", "predictor", "estimate", "scope", "n", "value", "low", "high"]
WITHIN = "within_structure"
PREDICTORS = {"sd": "voxelwise SD", "cv": "CV of the volume"}
LOOKS: dict[str, dict[str, Any]] = {
    "sd": {"marker": "o", "color": "#0072B2"},
    "cv": {"marker": "s", "color": "#D55E00"},
    "": {"marker": "o", "color": "#000000"},
}
SHIFT = {"": 0.0, "sd": -0.14, "cv": 0.14}  # rows below the middle
WORST = -1.0  # R² below it is drawn at the edge: the fit is of no use
SPREADS = {"cv": "CV (%)", "spread_skill": "spread / error"}
TARGETS = {"truth": "true volume", "reference": "fully sampled volume"}


def read_and_draw(facts: Facts) -> Figure:
    """Draw the groups of several members."""
    return draw(analysed("kinds", [*COLUMNS, *VALUES]), facts.rescans)


def draw(table: pd.DataFrame, rescans: Sequence[str] = ()) -> Figure:
    """Draw CV, spread-skill ratio and R² of left-out subjects, a row a group.

    Args:
        table: as in plots/analyse/kinds.csv; undefined values are not drawn.
        rescans: groups of subjects that were scanned again; a line stands at the CV of the first.
    """
    text = ["target", "predictor", "scope"]
    table = table.assign(**{name: table[name].fillna("") for name in text})
    groups = list(dict.fromkeys(table["group"]))
    against = known_target(table)
    r2 = table[(table["estimate"] == "r2") & (table["scope"] == WITHIN)]
    biased, cv = f"bias_{against}", table[table["estimate"] == "cv"]
    panels = [
        ("CV between members", SPREADS["cv"], cv, yardstick(cv, rescans)),
        (
            f"Spread over error,\n{TARGETS[against]}",
            "ratio",
            table[(table["estimate"] == "spread_skill") & (table["target"] == against)],
            1.0,
        ),
        ("CV of the ensemble", "R²", r2[r2["target"].str.startswith("ensemble_cv")], 0.0),
        (f"|bias|, {TARGETS[against]}", "R²", r2[r2["target"] == biased], 0.0),
    ]
    with rc_context(RC):
        figure = new_figure(10.4, 1.9 + 0.42 * max(len(groups), 3))
        axes = figure.subplots(1, len(panels), sharey=True)
        for one, (heading, unit, part, line) in zip(axes, panels, strict=True):
            _panel(one, part, groups, line)
            one.set_title(heading)
            one.set_xlabel(unit)
        axes[0].set_yticks(range(len(groups)), [label(table, name) for name in groups])
        axes[0].set_ylim(max(len(groups), 1) - 0.5, -0.5)
        axes[1].set_xlim(left=0)
        figure.legend(handles=_handles(), loc="outside lower center", ncols=2)
    return figure


def yardstick(cv: pd.DataFrame, rescans: Sequence[str]) -> float | None:
    """Return the CV between scans of one subject; None without any scanned again."""
    known = cv.loc[cv["group"].isin(rescans), "value"].dropna()
    return float(known.iloc[0]) if len(known) else None


def known_target(table: pd.DataFrame) -> str:
    """Return `truth` where volumes are known, else `reference`."""
    known = [name for name in TARGETS if (table["target"] == name).any()]
    return (known or [*TARGETS][-1:])[0]


def label(table: pd.DataFrame, group: str) -> str:
    """Return a group's name and cost."""
    first = table[table["group"] == group].iloc[0]
    trained = int(first["n_trainings"])
    cost = f"{int(first['n_reconstructions'])} images"
    return f"{title(group)}\n{cost}, {trained} network{'' if trained == 1 else 's'}"


def _panel(axes: Axes, part: pd.DataFrame, groups: Sequence[str], line: float | None) -> None:
    for row in part.itertuples():
        if not np.isfinite(row.value):
            continue
        place = groups.index(row.group) + SHIFT[row.predictor]
        look = LOOKS[row.predictor]
        low, value, high = (max(v, WORST) for v in (row.low, row.value, row.high))
        if np.isfinite([row.low, row.high]).all():
            axes.plot([low, high], [place] * 2, linewidth=1.2, color=look["color"])
        axes.plot(value, place, linestyle="", markersize=4.8, **look)
    if line is not None:
        axes.axvline(line, color="black", linestyle="--", linewidth=1.0)
    axes.grid(axis="x", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.tick_params(axis="y", length=0)


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], linestyle="", markersize=4.8, label=f"R² of the {words}", **LOOKS[name])
        for name, words in PREDICTORS.items()
    ]


def best(facts: Facts) -> str:
    """Return which group predicts the size of the bias best, a sentence; "" if none is known."""
    found = facts.get("kinds") or {}
    for against, words in TARGETS.items():
        known = {
            (group, name): leaf["r2"]
            for group, tree in found.items()
            for name in PREDICTORS
            if (leaf := _leaf(tree, f"bias_{against}", name))
        }
        if known:
            group, name = max(known, key=lambda place: known[place])
            n = int(found[group]["reconstructions"])
            return (
                f" Largest R² for |bias| against the {words}: {number(known[group, name], 2)}, of"
                f" the {PREDICTORS[name]} of {title(group)} ({n} reconstructions a scan), the"
                f" largest of {len(known)} and not corrected for that choice."
            )
    return ""


def _leaf(tree: Mapping[str, Any], target: str, predictor: str) -> Mapping[str, float] | None:
    part = tree.get("predicts", {}).get(target, {}).get(predictor, {}).get(WITHIN, {})
    return part if "r2" in part else None


def caption(facts: Facts) -> str:
    """Return units, n and how to read the points."""
    return (
        "Groups of several images of each scan: ensembles of trained networks, draws of one"
        f" network, noise. Left: median coefficient of variation of a volume{_line(facts)}, and"
        " spread over the error of the mean volume (1, dashed: calibrated). Right: R² of left-out"
        " subjects beyond a mean of each structure (0, dashed: no better than that mean; values"
        f" below {WORST:g} are drawn there), of ln of the target on ln of the predictor. An"
        " ensemble predicts its own CV, and each group its own |bias|, from one half of the members"
        f" to the other. Bars: {share(facts.params.level)} intervals over subjects, of the left"
        f" panels over members as well.{best(facts)} {pairs(facts)}."
    )


def _line(facts: Facts) -> str:
    return " (dashed: between scans of one phantom)" if facts.rescans else ""


FIGURE = StudyFigure(
    "kinds",
    "Kinds of uncertainty and their cost",
    "Dots with intervals, a row a group of repeated images, a column an estimate.",
    caption,
    read_and_draw,
    good="Good: a cheap group whose R² for |bias| excludes 0.",
    part="draws",
)
