"""The figure of surrogates: a point a value, an interval where there is one, and no crash."""

import numpy as np
import pandas as pd
import pytest

from stages.figures.style import colour
from stages.figures.surrogates import PANELS, surrogates_figure

SURROGATES = {"std_mean": "A", "linearised_volume": "B", "vote_entropy": "C", "own_idea": "C"}
GROUPS = ("unet", "rim")


def table() -> pd.DataFrame:
    rows = [
        (group, name, kind, 32, estimate, 0.4, 0.2, 0.7)
        for group in GROUPS
        for name, kind in SURROGATES.items()
        for estimate in (*PANELS, "spearman_within")
    ]
    columns = ["group", "surrogate", "kind", "n", "estimate", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def points(axes) -> list:
    return [line for line in axes.lines if line.get_marker() not in ("None", "", None)]


def test_each_value_has_a_point_in_its_colour_and_an_interval():
    figure = surrogates_figure(table(), GROUPS)
    for axes in figure.axes:
        assert len(points(axes)) == len(GROUPS) * len(SURROGATES)
        assert {line.get_color() for line in points(axes)} == {colour(g) for g in GROUPS}
        bars = [line for line in axes.lines if list(line.get_xdata()) == [0.2, 0.7]]
        assert len(bars) == len(points(axes))
        assert "n = 32" in axes.get_title()
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert "linearised volume" in names
    assert "Own idea" in names
    assert "C: all segmentations" in names


def test_undefined_values_and_intervals_are_not_drawn():
    gaps = table()
    gaps.loc[gaps["surrogate"] == "std_mean", ["value", "low", "high"]] = np.nan
    gaps.loc[gaps["surrogate"] == "vote_entropy", ["low", "high"]] = np.nan
    axes = surrogates_figure(gaps, GROUPS).axes[0]
    assert len(points(axes)) == len(GROUPS) * 3
    assert sum(list(line.get_xdata()) == [0.2, 0.7] for line in axes.lines) == len(GROUPS) * 2


@pytest.mark.parametrize("groups", [(), ("unet",), ("noise",)])
def test_few_groups_make_a_figure(groups):
    figure = surrogates_figure(table(), groups)
    figure.canvas.draw()
    assert len(figure.axes) == 2
