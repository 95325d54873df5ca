"""The bars of the components: their lengths, their parts, and what is undefined."""

import numpy as np
import pandas as pd
import pytest

from stages.figures.components import MERGED, draw

STRUCTURES = ("hippocampus", "caudate")
COLUMNS = ["group", "structure", "component", "cv_percent", "fraction", "n_scans", "n_members"]


def components(*squares: tuple[str, float]) -> pd.DataFrame:
    """Return components of one structure of UNet; their squares are in squared percent."""
    total = sum(square for _, square in squares)
    rows = [("unet", "hippocampus", "subject", 30.0, np.nan, 4, 5)]
    for name, square in squares:
        rows.append(("unet", "hippocampus", name, square**0.5, 100 * square / total, 4, 5))
    return pd.DataFrame(rows, columns=COLUMNS)


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_bar_is_as_long_as_the_cv_and_divided_as_its_square():
    table = components(("member", 3.0), ("interaction", 6.0), ("segmentation", 16.0))
    figure = draw(table, ["unet", "rim"], STRUCTURES)
    first, empty = figure.axes
    widths = [patch.get_width() for patch in first.patches]
    assert widths == pytest.approx([0.6, 0, 1.2, 0, 3.2, 0])
    assert all(patch.get_width() == 0 for patch in empty.patches)
    assert first.get_title() == "UNet (5 members, 4 scans)"
    assert len(legend(figure)) == 3
    assert MERGED not in legend(figure)


def test_without_draws_the_legend_says_what_the_interaction_holds():
    figure = draw(components(("member", 0.0), ("interaction", 4.0)), ["unet"], STRUCTURES)
    assert legend(figure)[1] == MERGED
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == [
        "Hippocampus",
        "Caudate",
    ]


def test_structures_without_any_variability_and_empty_tables_are_drawn():
    table = components(("member", 1.0), ("interaction", 1.0))
    still = table.assign(cv_percent=0.0, share=np.nan)
    for nothing in (still, table.iloc[:0]):
        figure = draw(nothing, ["unet"], STRUCTURES)
        figure.canvas.draw()
        assert all(patch.get_width() == 0 for patch in figure.axes[0].patches)
