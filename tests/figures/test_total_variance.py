"""Bars of the parts of a volume's variance: their widths, their interval, what is undefined."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stages.figures.total_variance import ALL, COLUMNS, draw, summary, widths
from tests.page.results import facts

STRUCTURES = ("hippocampus", "caudate")


def parts(*fractions: tuple[str, float, float]) -> pd.DataFrame:
    """Return structure, fraction of the reconstruction and of the interaction as a table."""
    rows = []
    for structure, images, both in fractions:
        own = {"total": 1.0, "reconstruction": images, "segmentation": 1 - images}
        own["interaction"] = both
        rows += [
            ("unet", structure, name, 4, 2, value, value - 0.2, value + 0.3)
            for name, value in own.items()
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.mark.parametrize(
    ("images", "both", "expected"),
    [(0.5, 0.2, (50, 30, 20)), (-0.3, 0.4, (0, 60, 40)), (1.0, 0.0, (100, 0, 0))],
)
def test_widths_fill_the_row(images, both, expected):
    found = widths({"reconstruction": images, "segmentation": 1 - images, "interaction": both})
    assert list(found.values()) == pytest.approx(expected)


def test_a_bar_a_structure_with_the_interval_of_the_reconstruction():
    figure = draw(parts((ALL, 0.5, 0.2), ("caudate", -0.1, 0.4)), STRUCTURES)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        *("All structures", "Hippocampus", "Caudate")
    ]
    bars = [(patch.get_x(), patch.get_width()) for patch in axes.patches]
    expected = np.array([(0, 50), (50, 30), (80, 20), (0, 0), (0, 60), (60, 40)])
    assert np.array(bars) == pytest.approx(expected)
    ends = np.array([line.get_xdata() for line in axes.lines])
    assert ends == pytest.approx(np.array([[30, 80], [0, 20]]))


def test_undefined_structures_and_empty_tables_are_drawn():
    figure = draw(parts((ALL, np.nan, np.nan)), STRUCTURES)
    figure.draw_without_rendering()
    assert not figure.axes[0].patches
    draw(parts().iloc[:0], STRUCTURES).draw_without_rendering()


def test_the_caption_states_the_fraction_with_its_interval_where_there_is_one():
    known = {"unet": {"value": 0.5, "low": 0.2, "high": 0.8}, "rim": {"value": 0.25}, "varnet": {}}
    trees = {group: {"fraction": {"reconstruction": own}} for group, own in known.items()}
    shown = facts()
    found = replace(shown, metrics={**shown.metrics, "total_variance": trees})
    text = "Reconstruction, over all structures: UNet 50 (20 to 80) %, RIM 25 %."
    assert summary(found).strip() == text
    assert summary(shown) == ""
