"""Dots of thickness by region, and the points of its CV against the voxelwise SD."""

import numpy as np
import pandas as pd

from stages.figures.thickness import draw

GROUPS = ("unet", "rim", "zero_filled")
REGIONS = ("cortex", "left", "left_frontal")


def cells() -> pd.DataFrame:
    """Return a table as in plots/analyse/thickness.csv; the last group has no variability."""
    index = pd.MultiIndex.from_product(
        [GROUPS, REGIONS, ("s0", "s1", "s2")], names=["group", "region", "subject"]
    )
    rng = np.random.default_rng(0)
    values = {name: rng.uniform(1, 2, len(index)) for name in ("cv", "bias", "std_mean")}
    table = pd.DataFrame(values, index=index).reset_index()
    table.loc[table["group"] == "zero_filled", ["cv", "std_mean"]] = np.nan
    table.loc[table["region"] != "cortex", "std_mean"] = np.nan
    return table


def test_every_scan_is_a_point_and_every_group_a_note():
    figure = draw(cells(), {"unet": {"r": 0.5, "n": 3, "detectable_r": 0.997}}, GROUPS)
    figure.draw_without_rendering()
    left, middle, right = figure.axes
    assert [len(line.get_xdata()) for line in right.lines] == [3, 3]
    (note,) = [text.get_text() for text in right.texts]
    assert "n = 6" in note
    assert "UNet: ρ = 0.50, detectable from 1.00" in note
    assert "RIM: ρ = –" in note and "Zero-filled" not in note
    dots = [[line for line in axes.lines if line.get_marker() != "None"] for axes in (left, middle)]
    assert [len(found) for found in dots] == [6, 9]
    assert [text.get_text() for text in left.get_yticklabels()][2] == "Left frontal"


def test_nothing_to_draw_is_an_empty_figure():
    empty = cells().assign(cv=np.nan, bias=np.nan)
    draw(empty, {}, GROUPS).draw_without_rendering()
    draw(cells()[:0], {}, GROUPS).draw_without_rendering()
