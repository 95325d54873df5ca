"""Overlap and surface distances of every structure, and how well each surrogate predicts them."""

from collections.abc import Sequence

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from stages.figures.kit.dots import Dot, dot_rows, handles
from stages.figures.kit.facts import Facts, analysed, known
from stages.figures.kit.phrasing import share
from stages.figures.kit.sample import pairs
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import surrogate_label, title

ROW_INCHES = 0.27
PANELS = {"dice": "Dice", "surface_distance_mm": "mean surface distance (mm)"}
TASKS = {"dice_loss": "1 − Dice", "surface_distance": "surface distance"}
NAMES = {  # other than those of the surrogates
    "gain_normalised_std_mean": "voxelwise SD without gains",
    "cv": "CV of the volume",
    "one_minus_dice": "1 − pairwise Dice of members",
    "surface_distance": "surface distance of members",
}


def read_and_draw(facts: Facts) -> Figure:
    """Draw every group that is compared with the fully sampled scans."""
    pair_table = analysed(
        "overlap", ["group", "target", "structure", "dice", "surface_distance_mm"]
    )
    columns = ["group", "target", "predictor", "scope", "n", "value", "low", "high"]
    return draw(pair_table, known("tasks", columns), facts.compared, facts.structures)


def draw(
    pair_table: pd.DataFrame, tasks: pd.DataFrame, groups: Sequence[str], structures: Sequence[str]
) -> Figure:
    """Draw medians over scans with their range above, rank correlations of predictors below.

    Args:
        pair_table: columns group, target, structure, subject, dice, surface_distance_mm, as in
            plots/analyse/overlap.csv.
        tasks: columns group, target, predictor, scope, n, value, low, high, as in
            plots/analyse/tasks.csv.
        groups: of the dots; those without a row in `tasks` are left out below.
        structures: in the order of the rows, from the top.
    """
    own = pair_table[pair_table["target"] == "reference"]
    within = tasks[(tasks["scope"] == "within_structure") & tasks["target"].isin(list(TASKS))]
    predictors = list(dict.fromkeys(within["predictor"]))
    predicted = [group for group in groups if group in set(within["group"])]
    heights = [max(len(structures), 3), max(len(predictors), 3)]
    with rc_context(RC):
        figure = new_figure(9.8, 2.4 + ROW_INCHES * 1.15 * sum(heights))
        panels = figure.subplots(2, 2, sharey="row", height_ratios=heights)
        for axes, (column, label) in zip(panels[0], PANELS.items(), strict=True):
            dot_rows(axes, _ranges(own, column), groups, structures)
            axes.set_xlabel(f"{label},\nto the fully sampled scan's segmentation")
        panels[0, 0].set_yticks(range(len(structures)), [title(name) for name in structures])
        for axes, (target, label) in zip(panels[1], TASKS.items(), strict=True):
            part = within[within["target"] == target]
            dot_rows(axes, _coefficients(part), predicted, predictors)
            axes.axvline(0.0, color="0.4", linewidth=0.9, zorder=0)
            axes.set_xlim(-1.03, 1.03)
            axes.set_xlabel(f"Spearman's ρ with {label},\nwithin structures{_count(part)}")
        labels = [NAMES.get(name) or surrogate_label(name) for name in predictors]
        panels[1, 0].set_yticks(range(len(predictors)), labels)
        figure.legend(handles=handles(groups), loc="outside lower center", ncols=len(groups))
    return figure


def _ranges(pair_table: pd.DataFrame, column: str) -> dict[tuple[str, str], Dot]:
    grouped = pair_table.groupby(["group", "structure"], sort=False)[column]
    found = grouped.agg(["median", "min", "max"])
    return {key: Dot(*values) for key, values in zip(found.index, found.to_numpy(), strict=True)}


def _coefficients(table: pd.DataFrame) -> dict[tuple[str, str], Dot]:
    rows = table[["group", "predictor", "value", "low", "high"]].itertuples(index=False)
    return {(group, name): Dot(*values) for group, name, *values in rows}


def _count(part: pd.DataFrame) -> str:
    if part.empty:
        return ""
    low, high = part["n"].min(), part["n"].max()
    return f" (n = {low})" if low == high else f" (n = {low}–{high})"


def caption(facts: Facts) -> str:
    """Return units, n and how to read the dots."""
    return (
        "Above: Dice (0 to 1, left) and mean symmetric surface distance (mm, right; mean over the"
        " voxels of both surfaces) of every structure to the segmentation of the fully sampled"
        " scan; dots are medians and bars ranges over scans of the mean over members. Below:"
        " Spearman's ρ within structures of each uncertainty with 1 − Dice and with the surface"
        f" distance; bars: {share(facts.params.level)} intervals over subjects. Members that"
        " disagree are off on average, so that some relation with their disagreement is there by"
        " construction; a bar that crosses 0 shows no relation and excludes none within it."
        f" {pairs(facts)}."
    )


FIGURE = StudyFigure(
    "overlap",
    "Overlap with the fully sampled scan, and its predictors",
    "Dots of Dice, surface distance and rank correlations, structures in rows.",
    caption,
    read_and_draw,
    good="Good: Dice near 1, distances below a voxel; below, intervals that exclude 0.",
)
