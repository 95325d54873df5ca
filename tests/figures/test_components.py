"""The dots of the components: their places and intervals, and what is undefined."""

import numpy as np
import pandas as pd
import pytest

from stages.figures.components import MERGED, draw
from stages.figures.kit.dots import Dot

STRUCTURES = ("hippocampus", "caudate")
COLUMNS = ["group", "structure", "component", "cv_percent", "cv_low", "cv_high"]
OFFSET = {"unet": Dot(60.0, 30.0, 80.0)}


def components(*values: tuple[str, float]) -> pd.DataFrame:
    """Return components of one structure of UNet, in percent."""
    rows = [("unet", "hippocampus", "subject", 30.0, 20.0, 50.0)]
    rows += [("unet", "hippocampus", name, cv, cv / 2, 2 * cv + 1) for name, cv in values]
    return pd.DataFrame(rows, columns=COLUMNS).assign(n_scans=4, n_members=5)


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def drawn(axes) -> tuple[list[float], list[list[float]]]:
    """Return the places of the dots, and the ends of the intervals."""
    lines = [line for line in axes.lines if line.get_color() != "0.9"]
    dots = [float(line.get_xdata()[0]) for line in lines if line.get_linestyle() == "None"]
    return dots, [list(line.get_xdata()) for line in lines if line.get_linestyle() == "-"]


def test_every_part_has_a_dot_and_its_interval():
    table = components(("member", 3.0), ("interaction", 6.0), ("segmentation", 1.0))
    figure = draw(table, ["unet", "rim"], STRUCTURES, OFFSET)
    dots, intervals = drawn(figure.axes[0])
    assert dots == pytest.approx([3, 6, 1])
    assert intervals == [[1.5, 7.0], [3.0, 13.0], [0.8, 3.0]]
    assert drawn(figure.axes[1]) == ([], [])
    heading = figure.axes[0].get_title()
    assert heading == "UNet (5 members, 4 scans)\noffset: 60 (30 to 80) % of CV²"
    assert len(legend(figure)) == 3
    assert MERGED not in legend(figure)


def test_a_part_of_0_lies_hollow_on_the_left_end_with_its_upper_limit():
    table = components(("member", 0.0), ("interaction", 4.0))
    figure = draw(table, ["unet"], STRUCTURES, {})
    dots, intervals = drawn(figure.axes[0])
    start = figure.axes[0].get_xlim()[0]
    assert dots == pytest.approx([start, 4])
    assert intervals[0] == pytest.approx([start, 1])
    assert legend(figure)[1] == MERGED
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == [
        "Hippocampus",
        "Caudate",
    ]


def test_structures_without_any_variability_and_empty_tables_are_drawn():
    table = components(("member", 1.0), ("interaction", 1.0))
    still = table.assign(cv_percent=0.0, cv_low=np.nan, cv_high=np.nan)
    for nothing in (still, table.iloc[:0]):
        figure = draw(nothing, ["unet"], STRUCTURES, {"unet": Dot(float("nan"))})
        figure.canvas.draw()
        assert drawn(figure.axes[0])[1] == []
