"""Which scores of images rank with the error of the volumes measured on them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.phrasing import share
from stages.figures.kit.sample import sample
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import score_title
from stages.statistics.families import ADJUSTED
from stages.statistics.questions.image_scores import ALL, COLUMNS

TARGETS = {"reference": "Error against the fully sampled scan", "truth": "Error against the truth"}
OWN, OTHER, CHANCE = "#0072B2", "#D55E00", "0.9"  # Okabe and Ito 2008
HEIGHT = 0.7  # fraction of a row that the band of chance fills


def read_and_draw(facts: Facts) -> Figure:
    """Draw the scores of the study."""
    found = facts.get("image_scores", ALL) or {}
    return draw(analysed("image_scores", COLUMNS), found, 1 - facts.params.level)


def draw(table: pd.DataFrame, found: Mapping[str, Any], alpha: float) -> Figure:
    """Draw Spearman's coefficient of each score, a row a score and a panel a target.

    Args:
        table: columns target, score, n, value, low, high, wrong_subject, p, as in
            plots/analyse/image_scores.csv; NaN where undefined.
        found: target -> score -> adjusted, critical, as in metrics/analyse/image_scores.json.
        alpha: adjusted p up to which a coefficient is statistically significant.
    """
    targets = [name for name in TARGETS if name in set(table["target"])] or [*TARGETS][:1]
    with rc_context(RC):
        figure = new_figure(1.4 + 3.6 * len(targets), 3.9)
        panels = figure.subplots(1, len(targets), squeeze=False, sharey=True)[0]
        scores = list(dict.fromkeys(table["score"]))
        for axes, target in zip(panels, targets, strict=True):
            part = table[table["target"] == target].set_index("score")
            for row, name in enumerate(scores):
                _row(
                    axes, row, part.loc[name].to_dict(), found.get(target, {}).get(name, {}), alpha
                )
            axes.axvline(0, color="0.5", linewidth=0.8, zorder=1)
            axes.set_title(TARGETS[target])
            axes.set_xlabel("Spearman's ρ: worse score, larger error")
            axes.set_xticks([-1, -0.5, 0, 0.5, 1])
            axes.set(xlim=(-1.04, 1.04), ylim=(max(len(scores), 1) - 0.5, -0.5))
        panels[0].set_yticks(range(len(scores)), [score_title(name) for name in scores])
        figure.legend(handles=_legend(alpha), loc="outside lower center", ncols=2)
    return figure


def _row(
    axes: Axes, row: int, values: Mapping[str, float], found: Mapping[str, Any], alpha: float
) -> None:
    critical = found.get("critical")
    if critical is not None:
        axes.barh(row, 2 * critical, HEIGHT, -critical, color=CHANCE, zorder=0)
    if np.isfinite([values["low"], values["high"]]).all():
        axes.plot([values["low"], values["high"]], [row, row], color=OWN, linewidth=1.2)
    full = "full" if found.get(ADJUSTED, 1.0) <= alpha else "none"
    axes.plot(values["value"], row, "o", color=OWN, fillstyle=full, markersize=6)
    axes.plot(values["wrong_subject"], row, "|", color=OTHER, markersize=11, markeredgewidth=2)


def _legend(alpha: float) -> list[Line2D | Patch]:
    point: dict[str, Any] = {"linestyle": "", "marker": "o", "color": OWN, "markersize": 6}
    other: dict[str, Any] = {"linestyle": "", "marker": "|", "color": OTHER, "markersize": 11}
    return [
        Line2D([], [], **point, label=f"adjusted p ≤ {alpha:.2g}"),
        Line2D([], [], **point, fillstyle="none", label="not significant"),
        Line2D([], [], **other, markeredgewidth=2, label="scores of another subject"),
        Patch(color=CHANCE, label=f"p > {alpha:.2g} before adjustment"),
    ]


def caption(facts: Facts) -> str:
    """Return units, n and how to read the rows."""
    return (
        "How the scores of the images rank with the error of their volumes (median over structures"
        " of the absolute bias): Spearman's ρ over the images of a scan by one architecture, pooled"
        f" over scans and architectures, with {share(facts.params.level)} intervals over subjects"
        " and members. Signs are such that ρ > 0 means that images with a worse score have larger"
        " errors, whichever direction a score has. The band holds the ρ that exchanging the members"
        " makes too often; the bar is ρ if the scores come from another subject's images by the"
        " same members: as far as both agree, a score knows its member and not its image. CNR, CJV"
        f" and EFC need no reference image. {sample(facts)}."
    )


FIGURE = StudyFigure(
    "image_scores",
    "Scores of images against errors of their volumes",
    "Dot plot of rank correlations, a row a score of image quality.",
    caption,
    read_and_draw,
    good="Good: a filled dot far to the right of the bar: the score of an image finds its errors.",
)
