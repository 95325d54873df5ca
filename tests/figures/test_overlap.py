"""Dots of overlap and of what predicts it."""

import numpy as np
import pandas as pd

from stages.figures.kit.dots import Dot, dot_rows
from stages.figures.kit.style import new_figure
from stages.figures.overlap import draw

GROUPS = ("unet", "rim", "noise")
STRUCTURES = ("caudate", "hippocampus")


def cells() -> pd.DataFrame:
    """Return a table as in plots/analyse/overlap.csv."""
    index = pd.MultiIndex.from_product(
        [GROUPS, ("reference", "truth"), STRUCTURES, ("s0", "s1", "s2")],
        names=["group", "target", "structure", "subject"],
    )
    rng = np.random.default_rng(0)
    values = {name: rng.uniform(0, 1, len(index)) for name in ("dice", "surface_distance_mm")}
    return pd.DataFrame(values, index=index).reset_index()


def tasks() -> pd.DataFrame:
    """Return a table as in plots/analyse/tasks.csv."""
    rows = [
        (group, target, name, scope, 6, 0.3, -0.2, 0.9)
        for group in GROUPS[:2]
        for target in ("dice_loss", "surface_distance", "deformation_sd")
        for name in ("std_mean", "cv")
        for scope in ("pooled", "within_structure")
    ]
    columns = ["group", "target", "predictor", "scope", "n", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def markers(axes) -> list[tuple[float, float]]:
    """Return the places of the dots."""
    lines = [line for line in axes.lines if line.get_marker() not in ("None", None)]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]


def test_dots_are_medians_over_scans_against_the_reference():
    figure = draw(cells(), tasks(), GROUPS, STRUCTURES)
    figure.draw_without_rendering()
    dice = figure.axes[0]
    own = cells()[lambda t: t["target"] == "reference"]
    expected = own.groupby(["group", "structure"])["dice"].median()
    found = sorted(x for x, _ in markers(dice))
    assert np.allclose(found, sorted(expected))
    assert [len(markers(axes)) for axes in figure.axes] == [6, 6, 4, 4]
    assert "(n = 6)" in figure.axes[2].get_xlabel()
    labels = [text.get_text() for text in figure.axes[2].get_yticklabels()]
    assert labels == ["voxelwise SD, mean", "CV of the volume"]


def test_undefined_values_are_not_drawn():
    figure = draw(cells().assign(dice=np.nan), tasks().assign(value=np.nan), GROUPS, STRUCTURES)
    figure.draw_without_rendering()
    assert [len(markers(axes)) for axes in figure.axes] == [0, 6, 0, 0]
    draw(cells()[:0], tasks()[:0], GROUPS, STRUCTURES).draw_without_rendering()


def test_groups_keep_apart_within_a_row():
    axes = new_figure(4, 3).subplots()
    dots = {(g, "row"): Dot(0.5, 0.4, 0.6) for g in GROUPS}
    dot_rows(axes, dots, GROUPS, ["row"])
    heights = [y for _, y in markers(axes)]
    assert len(set(heights)) == 3 and max(map(abs, heights)) < 0.5
