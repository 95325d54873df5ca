"""How well each surrogate predicts the size of the bias: correlations with their intervals."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.kit.dots import SIZE, Dot, dot_rows, handles, shift
from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import share
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import surrogate_label

TARGETS = {"reference": "against the fully sampled scan", "truth": "against the true volume"}
SCOPES = {"within_structure": "Within structures", "pooled": "Pooled over structures"}
COLUMNS = ["group", "target", "surrogate", "kind", "estimate", "scope", "n", "value", "low", "high"]
RING = 2.1  # size of the mark of significance, in sizes of a dot


def read_and_draw(facts: Facts) -> Figure:
    """Draw the surrogates of the architectures."""
    table = analysed("bias_prediction", [*COLUMNS, "p_bh"])
    return draw(table, facts.groups, 1 - facts.params.level)


def draw(table: pd.DataFrame, groups: Sequence[str], alpha: float) -> Figure:
    """Draw Spearman's coefficient of each surrogate with |bias|, a column a target.

    Args:
        table: `COLUMNS` and p_bh, as in plots/analyse/bias_prediction.csv; undefined values are
            not drawn.
        groups: the architectures, in the order of the points.
        alpha: p_bh up to which a coefficient is marked.
    """
    chosen = table[(table["estimate"] == "spearman") & table["group"].isin(groups)]
    targets = [name for name in TARGETS if (chosen["target"] == name).any()] or list(TARGETS)[:1]
    rows = list(dict.fromkeys(chosen.sort_values("kind", kind="stable")["surrogate"]))
    with rc_context(RC):
        figure = new_figure(2.6 + 3.5 * len(targets), 1.6 + 0.62 * max(len(rows), 3))
        panels = figure.subplots(len(SCOPES), len(targets), sharex=True, sharey=True, squeeze=False)
        for across, scope in zip(panels, SCOPES, strict=True):
            for axes, target in zip(across, targets, strict=True):
                part = chosen[(chosen["target"] == target) & (chosen["scope"] == scope)]
                _panel(axes, part, groups, rows, alpha)
                axes.set_title(f"{SCOPES[scope]},\n{TARGETS[target]}{_count(part)}")
        for axes in panels[-1]:
            axes.set_xlabel("Spearman's ρ with |bias|")
        panels[0, 0].set_yticks(range(len(rows)), [surrogate_label(name) for name in rows])
        shown = [*handles(groups), _ring_handle()]
        figure.legend(handles=shown, loc="outside lower center", ncols=len(shown))
    return figure


def _count(part: pd.DataFrame) -> str:
    sizes = sorted(set(part["n"].astype(int)))
    return f" (n = {'–'.join(map(str, sizes[:1] + sizes[1:][-1:]))} pairs)" if sizes else ""


def _panel(
    axes: Axes, part: pd.DataFrame, groups: Sequence[str], rows: Sequence[str], alpha: float
) -> None:
    dots = {
        (row.group, row.surrogate): Dot(row.value, row.low, row.high) for row in part.itertuples()
    }
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    dot_rows(axes, dots, groups, rows)
    for row in part[part["p_bh"] <= alpha].itertuples():
        height = rows.index(row.surrogate) + shift(row.group, groups)
        axes.plot(row.value, height, "o", **_ring())
    axes.set_xlim(-1.04, 1.04)


def _ring() -> dict[str, Any]:
    return {"color": "black", "fillstyle": "none", "markersize": RING * SIZE}


def _ring_handle() -> Line2D:
    return Line2D([], [], linestyle="", marker="o", label="significant (adjusted)", **_ring())


def caption(facts: Facts) -> str:
    """Return units, n and how to read the points."""
    return (
        "Spearman's ρ of each surrogate, and of the volume's own CV, with the size of the bias of"
        " the members' mean volume (%): ranks after centring per structure (above), which ask"
        " in which scans a structure is more biased, and over all structures (below). Bars:"
        f" {share(facts.params.level)} intervals from {facts.params.bootstrap_draws} bootstrap"
        " draws of subjects. Rings: p by joint permutation of subjects, adjusted for the false"
        " discovery rate over all points of a panel, within structures only. Members that disagree"
        " have an uncertain mean, which alone makes their |bias| larger: ρ above 0 need not mean"
        f" that an error common to all members is predicted. {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "bias_prediction",
    "What predicts the size of the bias",
    "Dots with intervals, a row a surrogate, a colour an architecture, a column a target.",
    caption,
    read_and_draw,
)
