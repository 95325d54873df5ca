"""The figure of surrogates: a point a value, an interval where there is one, and no crash."""

import numpy as np
import pandas as pd
import pytest

from stages.figures.kit.noise_ceilings import CEILINGS
from stages.figures.kit.style import colour
from stages.figures.surrogates import PANELS, draw

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


def inference() -> pd.DataFrame:
    """Return ceilings: pooled 0.9 and 0.8, and one within structures."""
    rows = [
        (group, scope, "noise_ceiling", estimate, value, value - 0.15, value + 0.05)
        for group in GROUPS
        for scope, estimate, value in (
            ("pooled", "split_half", 0.9),
            ("pooled", "analytic", 0.8),
            ("within_structure", "split_half", 0.5),
            ("within_structure", "analytic", np.nan),
        )
    ]
    columns = ["group", "scope", "statistic", "estimate", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def points(axes) -> list:
    markers = [line for line in axes.lines if line.get_marker() not in ("None", "", None, "|")]
    return [line for line in markers if line.get_fillstyle() == "full"]


def test_each_value_has_a_point_in_its_colour_and_an_interval():
    figure = draw(table(), inference(), GROUPS)
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
    axes = draw(gaps, inference(), GROUPS).axes[0]
    assert len(points(axes)) == len(GROUPS) * 3
    assert sum(list(line.get_xdata()) == [0.2, 0.7] for line in axes.lines) == len(GROUPS) * 2


def test_ceilings_stand_behind_every_point_and_with_their_intervals():
    within, pooled = draw(table(), inference(), GROUPS).axes
    n_points = len(GROUPS) * len(SURROGATES)
    found = [list(line.get_xdata()) for line in pooled.lines]
    assert found.count([0.8, 0.9]) == n_points
    assert sum(np.allclose(xs, [0.75, 0.95]) for xs in found if len(xs) == 2) == len(GROUPS)
    ticks = [list(line.get_xdata()) for line in pooled.lines if line.get_marker() == "|"]
    assert ticks == [[0.9, 0.8]] * n_points
    hollow = [line.get_xdata()[0] for line in pooled.lines if line.get_fillstyle() == "none"]
    assert sorted(hollow) == [0.8, 0.8, 0.9, 0.9]
    # the estimate that is undefined has neither a point nor a tick
    ticks = [list(line.get_xdata()) for line in within.lines if line.get_marker() == "|"]
    assert ticks == [[0.5]] * n_points
    lanes = {line.get_ydata()[0] for line in points(pooled)}
    assert {line.get_ydata()[0] for line in pooled.lines if line.get_marker() == "|"} == lanes
    names = [text.get_text() for text in within.get_yticklabels()]
    assert set(CEILINGS.values()) <= set(names)


def test_without_ceilings_only_the_points_are_drawn():
    axes = draw(table(), inference()[:0], GROUPS).axes[1]
    assert len(points(axes)) == len(GROUPS) * len(SURROGATES)
    assert not [line for line in axes.lines if line.get_marker() == "|"]


@pytest.mark.parametrize("groups", [(), ("unet",), ("noise",)])
def test_few_groups_make_a_figure(groups):
    figure = draw(table(), inference(), groups)
    figure.canvas.draw()
    assert len(figure.axes) == 2
