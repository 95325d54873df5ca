"""The figure of agreement: points, lines and rows, and what is undefined."""

import numpy as np
import pandas as pd
import pytest

from stages.figures.agreement import ENDS, draw


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the agreement and the differences of one architecture and structure."""
    row = {"group": "unet", "structure": "hippocampus"} | dict.fromkeys(ENDS, np.nan)
    row |= {"bias": 1.0, "bias_low": -1.0, "bias_high": 3.0, "ccc": 0.9}
    row |= {"lower": -4.0, "lower_low": -9.0, "lower_high": -2.0}
    row |= {"upper": 6.0, "upper_low": 4.0, "upper_high": 11.0}
    points = pd.DataFrame(
        [
            ("unet", "hippocampus", f"sub-{s}", m, 4000.0 + 100 * s, 2.0 * m - s)
            for s in range(3)
            for m in range(2)
        ],
        columns=["group", "structure", "subject", "member", "reference_mm3", "difference"],
    )
    return pd.DataFrame([row]), points


def test_points_lines_and_rows_are_where_the_numbers_are():
    figure = draw(*tables(), ["unet", "rim"], ("hippocampus", "caudate"), 3.25)
    plot, _, limits, concordance = figure.axes
    points = [line for line in plot.lines if line.get_linestyle() == "None"]
    assert np.concatenate([line.get_xdata() for line in points]) == pytest.approx(
        np.repeat([4.0, 4.1, 4.2], 2)
    )
    levels = [line.get_ydata()[0] for line in plot.lines if line.get_color() == "black"]
    assert levels == [1.0, -4.0, 6.0]
    bars = [line.get_xdata()[0] for line in limits.lines if line.get_marker() == "|"]
    assert bars == [-4.0, 6.0]
    assert plot.get_title() == "UNet: hippocampus"
    shown = [line for line in concordance.lines if line.get_marker() == "o"]
    assert shown[0].get_xdata()[0] == 0.9


def test_empty_tables_are_drawn():
    table, points = tables()
    draw(table.iloc[:0], points.iloc[:0], ["unet"], ("caudate",), float("nan")).canvas.draw()
