"""Kinds of repeated images side by side."""

import numpy as np
import pandas as pd
import pytest

from stages.figures.kinds import (
    COLUMNS,
    VALUES,
    WITHIN,
    WORST,
    draw,
    known_target,
    label,
    yardstick,
)

GROUPS = {"unet": ("unet", 4), "replicas": ("unet", 1)}


def rows(*targets: str) -> pd.DataFrame:
    """Return a table of an ensemble and of draws; one R² is far below 0, one undefined."""
    found = []
    for k, (group, (of, n_trainings)) in enumerate(GROUPS.items()):
        head = (group, of, "kind", 4, n_trainings, 4)
        found.append((*head, np.nan, np.nan, "cv", np.nan, 0, 1.0 + k, 0.5, 2.0))
        for target in targets:
            found.append((*head, target, np.nan, "spread_skill", np.nan, 0, 0.4, 0.2, 0.9))
            for predictor, value in (("sd", -7.0 if k else 0.4), ("cv", np.nan)):
                found.append((*head, f"bias_{target}", predictor, "r2", WITHIN, 9, value, -9, 1.0))
        found.append((*head, "ensemble_cv", "sd", "r2", WITHIN, 9, 0.3, np.nan, np.nan))
    return pd.DataFrame(found, columns=[*COLUMNS, *VALUES])


@pytest.mark.parametrize("targets", [("reference",), ("reference", "truth"), ()])
def test_a_row_a_group_and_a_panel_an_estimate(targets):
    figure = draw(rows(*targets))
    figure.draw_without_rendering()
    assert len(figure.axes) == 4
    places = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert places == ["UNet\n4 images, 4 networks", "Replicas\n4 images, 1 network"]
    drawn = [x for line in figure.axes[3].lines for x in line.get_xdata()]
    assert min(drawn) >= WORST


def test_a_line_stands_at_the_cv_between_scans_of_one_subject():
    table = rows("reference")
    assert yardstick(table[table["estimate"] == "cv"], ["replicas"]) == 2.0
    assert yardstick(table[table["estimate"] == "cv"], []) is None
    lines = [
        line for line in draw(table, ["replicas"]).axes[0].lines if line.get_linestyle() == "--"
    ]
    assert [line.get_xdata()[0] for line in lines] == [2.0]


def test_true_volumes_go_before_the_reference():
    assert known_target(rows("reference", "truth")) == "truth"
    assert known_target(rows("reference")) == "reference"
    assert label(rows(), "replicas").endswith("1 network")
