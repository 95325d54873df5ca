"""Scores of images against errors of their volumes, as rows of dots."""

import numpy as np
import pandas as pd

from stages.figures.image_scores import caption, draw
from stages.figures.kit.titles import score_title
from stages.statistics.questions.image_scores import COLUMNS, DIRECTION
from tests.page.results import facts

FOUND = {"reference": {"vif": {"critical": 0.4, "adjusted": 0.01}, "nmse": {"adjusted": 0.5}}}


def table(*targets: str) -> pd.DataFrame:
    """Return a table as in plots/analyse/image_scores.csv."""
    rows = [(t, name, 12, 0.5, 0.2, 0.7, 0.1, 0.01) for t in targets for name in DIRECTION]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_every_score_has_a_row_in_the_panel_of_every_target():
    figure = draw(table("reference", "truth"), FOUND, 0.05)
    figure.draw_without_rendering()
    assert [axes.get_title() for axes in figure.axes] == [
        "Error against the fully sampled scan",
        "Error against the truth",
    ]
    for axes in figure.axes:
        dots = [line for line in axes.lines if line.get_marker() == "o"]
        assert [line.get_ydata()[0] for line in dots] == list(range(len(DIRECTION)))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [score_title(name) for name in DIRECTION]
    assert {"PSNR", "SSIM", "HaarPSI", "VIF"} <= {*names}


def test_only_what_is_significant_is_filled_and_chance_is_a_band():
    (axes,) = draw(table("reference"), FOUND, 0.05).axes
    dots = [line.get_fillstyle() for line in axes.lines if line.get_marker() == "o"]
    assert dots == ["full" if name == "vif" else "none" for name in DIRECTION]
    (band,) = axes.patches
    assert (band.get_x(), band.get_width()) == (-0.4, 0.8)


def test_what_is_undefined_is_left_out():
    empty = table("reference").assign(value=np.nan, low=np.nan, high=np.nan, wrong_subject=np.nan)
    for rows in (empty, empty[:0]):
        draw(rows, {}, 0.05).draw_without_rendering()


def test_the_caption_says_which_sign_is_which():
    text = caption(facts())
    assert "ρ > 0 means that images with a worse score have larger errors" in text
    assert "5\N{NO-BREAK SPACE}scans" in text
