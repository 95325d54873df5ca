"""How well each surrogate predicts the CV of volumes, by what it needs."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from stages.figures.kit.dots import handles
from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.halves import (
    Relation,
    blocks,
    draw_ceiling,
    draw_relations,
    legend_handles,
)
from stages.figures.kit.noise_ceilings import LABEL, ceilings, roots
from stages.figures.kit.phrasing import share
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import MORE, PerGroup, StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import surrogate_label

SCOPES = {"within_structure": "Within structures", "pooled": "Pooled over structures"}
HEADINGS = {
    "within_structure": "In which scans does a structure vary more",
    "pooled": "Which structures vary more",
}
ASKED = {
    "within_structure": "within structures: in which scans a structure varies more",
    "pooled": "over all structures: which structures vary more, in which scans",
}
WRONG = {"within_structure": "within_structure_r2", "pooled": "pooled_r2"}
CEILING = "Noise ceiling"
COSTS = {
    "0": "Baseline: the volume itself",
    "A": "A: images only",
    "B": "B: and one segmentation",
    "C": "C: all segmentations",
}
COLUMNS = ["group", "surrogate", "kind", "estimate", "n", "value", "low", "high"]


def read_and_draw(facts: Facts, scope: str) -> Figure:
    """Draw the surrogates of the architectures in one scope."""
    limits = ["group", "scope", "statistic", "estimate", "value", "low", "high"]
    tables = analysed("surrogates", COLUMNS), analysed("inference", limits)
    return draw(*tables, facts.groups, scope)


def draw(table: pd.DataFrame, inference: pd.DataFrame, groups: Sequence[str], scope: str) -> Figure:
    """Draw r of ln CV with the logarithm of each surrogate in one scope, and how large it could be.

    Noise ceilings bound predictors from the other half of the members. They stand in a row of
    their own with their intervals, and in the rows of the surrogates on either side of 0.

    Args:
        table: `COLUMNS`, as in plots/analyse/surrogates.csv; undefined values are not drawn.
        inference: columns group, scope, statistic, estimate, value, low, high, as in
            plots/analyse/inference.csv.
        groups: the architectures, in the order of the points.
        scope: key of `SCOPES`.
    """
    chosen = table[table["group"].isin(groups)]
    names: dict[str, list[str]] = {CEILING: [LABEL]}
    for kind, part in chosen.groupby("kind", sort=True):
        names[COSTS.get(kind, str(kind))] = list(part["surrogate"].unique())
    rows, heads = blocks(names)
    limits = {name: roots(ceilings(inference[inference["group"] == name])) for name in groups}
    bottom = max(rows.values()) + 0.6
    with rc_context(RC):
        figure = new_figure(7.6, 1.9 + 0.42 * bottom)
        axes = figure.subplots()
        draw_relations(axes, relations(chosen, scope), groups, rows)
        for group, found in limits.items():
            if scope in found:
                draw_ceiling(axes, found[scope], group, groups, list(rows.values()))
        axes.set_title(f"{SCOPES[scope]}{_count(chosen, scope)}")
        axes.set_xlabel("Pearson's r of ln CV and ln surrogate")
        labels = [name if name == LABEL else surrogate_label(name) for name in rows]
        axes.set_yticks([*rows.values(), *heads.values()], [*labels, *heads])
        for text in axes.get_yticklabels()[len(rows) :]:
            text.set_fontweight("bold")
        axes.set_ylim(bottom, -0.6)
        shown = [*handles(groups), *legend_handles(ceiling=True)]
        figure.legend(handles=shown, loc="outside lower center", ncols=4)
    return figure


def relations(table: pd.DataFrame, scope: str) -> dict[tuple[str, str], Relation]:
    """Return the correlations of every group and surrogate in one scope.

    Args:
        table: `COLUMNS`.
        scope: key of `SCOPES`.
    """
    found = {}
    for (group, name), part in table.groupby(["group", "surrogate"], sort=False):
        rows = part.set_index("estimate")

        def value(estimate: str, column: str = "value", rows: pd.DataFrame = rows) -> float:
            return float(rows.loc[estimate, column]) if estimate in rows.index else np.nan

        same, disjoint = value(f"{scope}_r"), f"disjoint_{scope}_r"
        # R² has no sign: that of the right subject's r
        wrong = np.copysign(np.sqrt(value(f"wrong_subject_mean_{WRONG[scope]}")), same)
        ends = (value(disjoint), value(disjoint, "low"), value(disjoint, "high"))
        found[group, name] = Relation(*ends, same, float(wrong))
    return found


def _count(table: pd.DataFrame, scope: str) -> str:
    n = table.loc[table["estimate"] == f"disjoint_{scope}_r", "n"]
    if n.empty:
        return ""
    low, high = n.min(), n.max()
    return f" (n = {low} pairs)" if low == high else f" (n = {low}–{high} pairs)"


def caption(facts: Facts, scope: str) -> str:
    """Return units, n and how to read the points."""
    over = "subjects" if scope == "within_structure" else "subjects and structures"
    return (
        f"Pearson's r of ln CV with the logarithm of one surrogate at a time, {ASKED[scope]}."
        " Filled: the surrogate of one half of the members, ln CV of the other, both directions (n"
        f" counts both); bars: {share(facts.params.level)} intervals over {over}. Diamonds: what a"
        " perfect predictor would reach from the other half, on either side of 0. Hollow, without"
        " an interval or a noise ceiling: surrogate and CV of the same members, which share noise."
        " Strokes: the same with another subject's surrogate: what is no larger indicates which"
        f" structure it is, and nothing of the scan. {pairs(facts)}."
    )


def of_scope(scope: str) -> StudyFigure:
    """Return the figure of one question."""
    return StudyFigure(
        f"surrogates_{scope}",
        HEADINGS[scope],
        "Dots with intervals, a row a surrogate and a colour an architecture.",
        partial(caption, scope=scope),
        partial(read_and_draw, scope=scope),
        good="Good: filled dots beyond the strokes, near the diamonds.",
        part="predictors" if scope == "within_structure" else MORE,
        questions=("surrogates",),
    )


FIGURE = PerGroup(lambda _: tuple(SCOPES), of_scope)
