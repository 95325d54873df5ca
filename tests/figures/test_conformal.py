"""The figure of intervals shows every method, and says what is undefined."""

import numpy as np
import pandas as pd
import pytest

from stages.figures.conformal import BAND_COLOUR, LABELS, LEAST_WIDTH, draw
from stages.statistics.methods.prediction_intervals import METHODS
from stages.statistics.questions.conformal import ALL, COLUMNS

GROUPS = ("unet", "rim")


def intervals(n: int = 20) -> pd.DataFrame:
    """Return the same coverage and width for each group, structure and method."""
    rows = [
        (g, k, m, n, 0.95, 0.0 if m == "scaled" else 4.0)
        for g in (*GROUPS, "noise")
        for m in METHODS
        for k in ("hippocampus", "caudate", ALL)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def written(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def bands(figure) -> list:
    return [p for p in figure.axes[0].patches if np.allclose(p.get_facecolor()[:3], 0.88)]


def test_every_method_and_group_has_its_points():
    left, right = draw(intervals(), GROUPS, 0.1, 18).axes
    medians = [line for line in left.lines if line.get_marker() == "o"]
    assert len(medians) == len(METHODS) * len(GROUPS)
    assert len([line for line in left.lines if line.get_marker() == "D"]) == len(medians)
    assert not [line for line in right.lines if line.get_marker() == "D"]
    assert [text.get_text() for text in left.get_yticklabels()] == list(LABELS.values())
    assert "20 scans" in left.get_xlabel()
    drawn = np.concatenate(
        [line.get_xdata() for line in right.lines if line.get_marker() != "None"]
    )
    assert drawn.min() == LEAST_WIDTH


def test_band_is_drawn_where_it_is_defined():
    assert BAND_COLOUR == "0.88"
    assert len(bands(draw(intervals(), GROUPS, 0.1, 18))) == 1
    figure = draw(intervals(4), GROUPS, 0.1, 4)
    assert not bands(figure)
    assert not any("calibrations" in text.get_text() for text in figure.legends[0].get_texts())


@pytest.mark.parametrize("known", [("naive",), ()])
def test_undefined_methods_say_what_they_need(known):
    table = intervals(4)
    undefined = ~table["method"].isin(known)
    table.loc[undefined, ["n", "coverage", "width_percent"]] = [0, np.nan, np.nan]
    texts = written(draw(table, GROUPS, 0.1, 4))
    assert texts.count("undefined: needs 9 other subjects") == len(METHODS) - 1
    assert texts.count("undefined: needs 2 members") == 1 - len(known)


def test_no_rows_are_no_error():
    assert len(written(draw(intervals()[:0], GROUPS, 0.1, 2))) == len(METHODS)
