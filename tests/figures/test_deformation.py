"""Spread, mean and agreement of apparent changes."""

import numpy as np
import pandas as pd

from stages.figures.deformation import draw

GROUPS = ("unet", "rim", "zero_filled")
STRUCTURES = ("caudate", "hippocampus")


def cells() -> pd.DataFrame:
    """Return a table as in plots/analyse/deformation.csv; the last group has no spread."""
    index = pd.MultiIndex.from_product(
        [GROUPS, STRUCTURES, ("s0", "s1", "s2")], names=["group", "structure", "subject"]
    )
    rng = np.random.default_rng(0)
    values = {name: rng.uniform(1, 2, len(index)) for name in ("sd", "mean", "cv")}
    table = pd.DataFrame(values, index=index).reset_index()
    table.loc[table["group"] == "zero_filled", ["sd", "cv"]] = np.nan
    return table


def test_every_cell_is_a_point_and_every_group_a_note():
    agreement = {"unet": {"pooled": 0.5, "within_structure": -0.25}}
    figure = draw(cells(), agreement, GROUPS, STRUCTURES)
    figure.draw_without_rendering()
    scatter = figure.axes[2]
    assert [len(line.get_xdata()) for line in scatter.lines[:2]] == [6, 6]
    (title,) = [text.get_text() for text in scatter.texts]
    assert "n = 12" in title
    assert "UNet: ρ = 0.50 pooled, ρ = −0.25 within structures" in title
    assert "RIM: ρ = – pooled" in title
    assert "Zero-filled" not in title


def test_nothing_to_draw_is_an_empty_figure():
    empty = cells().assign(sd=np.nan, cv=0.0)
    figure = draw(empty, {}, GROUPS, STRUCTURES)
    figure.draw_without_rendering()
    assert "n = 0" in figure.axes[2].texts[0].get_text()
    draw(cells()[:0], {}, GROUPS, STRUCTURES).draw_without_rendering()
