"""How well each surrogate predicts the size of the bias: correlations with their intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.kit.dots import SIZE, handles, shift
from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.halves import Relation, draw_relations, legend_handles
from stages.figures.kit.phrasing import share
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import surrogate_label
from stages.statistics.families import ADJUSTED

TARGETS = {"reference": "against the fully sampled scan", "truth": "against the true volume"}
WITHIN = "within_structure"
SCOPES = {WITHIN: "Within structures", "pooled": "Pooled over structures"}
DISJOINT, SAME = "disjoint", "logarithms"  # estimates
COLUMNS = ["group", "target", "surrogate", "kind", "estimate", "scope", "n", "value", "low", "high"]
Tests = set[tuple[str, str, str]]
"""Group, target and surrogate."""

RING = 2.1  # size of the mark of significance, in sizes of a dot


def read_and_draw(facts: Facts) -> Figure:
    """Draw the surrogates of the architectures."""
    table = analysed("bias_prediction", COLUMNS)
    return draw(table, facts.groups, significant(facts))


def significant(facts: Facts) -> Tests:
    """Return which coefficients within structures are significant in their family."""
    alpha = 1 - facts.params.level
    places = [
        (group, target, name)
        for group in facts.groups
        for target in TARGETS
        for name in facts.get("bias_prediction", group, target, "surrogates") or {}
    ]
    found = {
        (group, target, name): facts.get(
            *("bias_prediction", group, target, "surrogates", name, DISJOINT, WITHIN, ADJUSTED)
        )
        for group, target, name in places
    }
    return {place for place, p in found.items() if p is not None and p <= alpha}


def draw(table: pd.DataFrame, groups: Sequence[str], marked: Tests) -> Figure:
    """Draw r of each surrogate with |bias|, both of logarithms, a column a target.

    Args:
        table: `COLUMNS`, as in plots/analyse/bias_prediction.csv; undefined values are not drawn.
        groups: the architectures, in the order of the points.
        marked: the coefficients within structures that get a ring.
    """
    chosen = table[table["estimate"].isin((DISJOINT, SAME)) & table["group"].isin(groups)]
    targets = [name for name in TARGETS if (chosen["target"] == name).any()] or list(TARGETS)[:1]
    names = list(dict.fromkeys(chosen.sort_values("kind", kind="stable")["surrogate"]))
    rows = {name: float(k) for k, name in enumerate(names)}
    with rc_context(RC):
        figure = new_figure(3.2 + 3.5 * len(targets), 1.9 + 0.66 * max(len(rows), 3))
        panels = figure.subplots(len(SCOPES), len(targets), sharex=True, sharey=True, squeeze=False)
        for across, scope in zip(panels, SCOPES, strict=True):
            for axes, target in zip(across, targets, strict=True):
                part = chosen[(chosen["target"] == target) & (chosen["scope"] == scope)]
                _panel(axes, part, groups, rows)
                _rings(axes, part, groups, rows, marked if scope == WITHIN else set())
                axes.set_title(f"{SCOPES[scope]},\n{TARGETS[target]}{_count(part)}")
        for axes in panels[-1]:
            axes.set_xlabel("Pearson's r of ln |bias| and ln surrogate")
        panels[0, 0].set_yticks(range(len(rows)), [surrogate_label(name) for name in rows])
        panels[0, 0].set_ylim(max(len(rows), 1) - 0.5, -0.5)
        marks = legend_handles(ceiling=False)[:2]
        shown = [*handles(groups), *marks, _ring_handle()]
        figure.legend(handles=shown, loc="outside lower center", ncols=3)
    return figure


def _count(part: pd.DataFrame) -> str:
    sizes = sorted(set(part.loc[part["estimate"] == DISJOINT, "n"].astype(int)))
    return f" (n = {'–'.join(map(str, sizes[:1] + sizes[1:][-1:]))} pairs)" if sizes else ""


def _panel(axes: Axes, part: pd.DataFrame, groups: Sequence[str], rows: dict[str, float]) -> None:
    dots: dict[tuple[str, str], Relation] = {}
    for (group, name), own in part.groupby(["group", "surrogate"], sort=False):
        limits = own.set_index("estimate")[["value", "low", "high"]]
        known = limits.reindex([DISJOINT, SAME])
        value, low, high = known.loc[DISJOINT].to_numpy(np.float64)
        dots[group, name] = Relation(value, low, high, float(known.loc[SAME, "value"]))
    draw_relations(axes, dots, groups, rows)


def _rings(
    axes: Axes,
    part: pd.DataFrame,
    groups: Sequence[str],
    rows: dict[str, float],
    marked: Tests,
) -> None:
    for row in part[part["estimate"] == DISJOINT].itertuples():
        if (row.group, row.target, row.surrogate) in marked:
            axes.plot(row.value, rows[row.surrogate] + shift(row.group, groups), "o", **_ring())


def _ring() -> dict[str, Any]:
    return {"color": "black", "fillstyle": "none", "markersize": RING * SIZE}


def _ring_handle() -> Line2D:
    return Line2D([], [], linestyle="", marker="o", label="significant (adjusted)", **_ring())


def caption(facts: Facts) -> str:
    """Return units, n and how to read the points."""
    return (
        "Pearson's r of the logarithms of a surrogate and of the size of the bias of the mean"
        " volume (%): within structures (above), which asks in which scans a structure is more"
        " biased, and over all structures (below). Filled: the surrogate of one half of the"
        " members, the bias of the other, both directions (n counts both); bars:"
        f" {share(facts.params.level)} intervals over subjects, of pooled ones over subjects and"
        " structures. Hollow, without an interval: surrogate and bias of the same members; those"
        " that disagree have an uncertain mean, which alone makes their |bias| larger. The volume"
        " itself is a baseline: it is no uncertainty. Rings: p of filled points within structures,"
        " by joint permutation of subjects, adjusted for the false discovery rate over a panel."
        f" {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "bias_prediction",
    "Predictors of the absolute bias",
    "Dots with intervals, a row a surrogate, a colour an architecture, a column a target.",
    caption,
    read_and_draw,
    good="Good: filled points whose intervals exclude 0.",
)
