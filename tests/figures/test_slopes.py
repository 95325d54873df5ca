"""The figure of slopes: a panel a network, controls behind, no crash where nothing is defined."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from stages.figures.kit.style import colour
from stages.figures.slopes import COLUMNS, GREY, caption, draw
from tests.page.results import facts

GROUPS = ("unet", "rim")
NAMES = ("std_mean", "vote_entropy", "own_idea")


def table() -> pd.DataFrame:
    """Return slopes .5 within (0.2 to 0.8) and 2 between structures, permuted -.4 to .4."""
    rows = [
        (group, target, name, slope, *values)
        for group in GROUPS
        for target in ("cv", "bias")
        for name in NAMES
        for slope, values in (
            ("within", (0.5, 0.2, 0.8, -0.4, 0.4)),
            ("between", (2.0, 1.0, 30.0, np.nan, np.nan)),
        )
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def lines(axes, marker: str | None = None) -> list:
    """Return lines with a marker, or those without any."""
    return [line for line in axes.lines if line.get_marker() == (marker or "None")]


def test_every_slope_has_a_point_an_interval_and_its_control():
    figure = draw(table(), GROUPS)
    assert [axes.get_title() for axes in figure.axes] == ["UNet", "RIM"]
    for axes, group, look in zip(figure.axes, GROUPS, "os", strict=True):
        points = lines(axes, look)
        assert len(points) == 2 * len(NAMES)
        assert {line.get_color() for line in points} == {colour(group)}
        assert sorted({line.get_xdata()[0] for line in points}) == [0.5, 2.0]
        spans = [list(line.get_xdata()) for line in lines(axes)]
        assert spans.count([0.2, 0.8]) == len(NAMES)
        grey = [line for line in axes.lines if line.get_color() == GREY]
        assert [list(line.get_xdata()) for line in grey] == [[-0.4, 0.4]] * len(NAMES)
        assert spans.count([0.0, 0.0]) == spans.count([1.0, 1.0]) == 1
        # an interval that leaves the panel ends in an arrow
        assert len(lines(axes, ">")) == len(NAMES)
        assert not lines(axes, "<")
    labels = figure.axes[0].get_yticklabels()
    assert [text.get_fontweight() for text in labels] == ["bold", "normal", "normal"]


def test_undefined_slopes_are_not_drawn():
    gaps = table()
    gaps.loc[gaps["surrogate"] == "std_mean", ["value", "low", "high"]] = np.nan
    axes = draw(gaps, GROUPS).axes[0]
    assert len(lines(axes, "o")) == 2 * (len(NAMES) - 1)
    gaps[["low", "high", "permuted_low", "permuted_high"]] = np.nan
    axes = draw(gaps, GROUPS).axes[0]
    assert len(lines(axes)) == 2


@pytest.mark.parametrize("groups", [(), ("unet",), ("varnet",)])
def test_few_groups_make_a_figure(groups):
    figure = draw(table(), groups)
    figure.canvas.draw()
    assert len(figure.axes) == max(len(groups), 1)


def test_the_caption_says_what_the_test_cannot_find():
    shown = facts(groups=("unet", "rim"))
    permutations = {"n": 24, "complete": 1, "least_p": 1 / 24}
    metrics = {"slopes": {g: {"permutations": permutations} for g in ("unet", "rim")}}
    known = SimpleNamespace(
        **{name: getattr(shown, name) for name in ("groups", "params", "n_scans", "members")},
        n_subjects=4,
        get=lambda *keys: metrics["slopes"][keys[1]][keys[2]],
    )
    words = caption(known)
    assert "no p is below 0.042" in words
    assert "none can be significant after correction" in words
    permutations["least_p"] = 1 / 120
    assert "none can be significant" not in caption(known)
    permutations["complete"] = 0
    assert "can be exchanged" not in caption(known)
