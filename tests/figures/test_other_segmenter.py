"""Two segmenters: every point where both put it, and nothing where nothing was measured."""

import numpy as np
import pandas as pd

from stages.figures.other_segmenter import draw

NAMES = ["SynthSeg", "atlas"]
COLUMNS = ["quantity", "group", "structure", "first", "second"]


def cells() -> pd.DataFrame:
    """CV and bias of two structures."""
    rows = [
        ("cv", "rim", "caudate", 1.0, 2.0),
        ("cv", "noise", "caudate", 0.2, 0.9),
        ("bias", "rim", "caudate", -5.0, 3.0),
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_points_and_intervals_lie_where_they_should() -> None:
    ends = [{"rim": (0.5, 0.2, 0.7)}, {"rim": (-0.1, np.nan, np.nan)}]
    figure = draw(cells(), ends, NAMES, ["rim", "noise"])
    left, middle, right = figure.axes
    points = [tuple(float(x[0]) for x in line.get_data()) for line in left.get_lines()[:2]]
    assert points == [(1.0, 2.0), (0.2, 0.9)]
    assert [float(x[0]) for x in middle.get_lines()[0].get_data()] == [-5.0, 3.0]
    for axes in (left, middle):
        assert axes.get_xlim() == axes.get_ylim()
        dashed = next(line for line in axes.get_lines() if line.get_linestyle() == "--")
        assert dashed.get_xdata().tolist() == dashed.get_ydata().tolist() == [*axes.get_xlim()]
    assert right.get_lines()[0].get_xdata().tolist() == [0.2, 0.7]
    values = [float(line.get_xdata()[0]) for line in right.get_lines()[1:4:2]]
    assert values == [0.5, -0.1]
    assert [text.get_text() for text in right.get_yticklabels()] == ["RIM"]
    assert [text.get_text() for text in right.get_legend().get_texts()] == NAMES
    assert (left.get_ylabel(), left.get_xlabel()) == ("atlas (%)", "SynthSeg (%)")


def test_nothing_measured_is_an_empty_figure() -> None:
    figure = draw(cells().iloc[:0], [{}, {}], NAMES, [])
    figure.draw_without_rendering()
    assert not figure.axes[2].get_yticklabels()
