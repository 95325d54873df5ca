"""Variability and its standard error against the number of members."""

import numpy as np
import pandas as pd
import pytest

from stages.figures.ensemble_size import draw
from stages.statistics.methods.member_medians import draw as draw_subjects
from stages.statistics.questions.ensemble_size import ensemble_size


@pytest.mark.parametrize("n_members", [2, 6])
def test_a_line_an_architecture_and_the_theory(n_members):
    rng = np.random.default_rng(0)
    volumes = pd.DataFrame(
        [
            (g, m, f"s{i}", "a", rng.normal(100, 2))
            for g in ("unet", "rim")
            for m in range(n_members)
            for i in range(2)
        ],
        columns=["group", "member", "subject", "structure", "volume_mm3"],
    )
    draws = draw_subjects({"s0": "s0", "s1": "s1"}, 10, rng)
    table = ensemble_size(volumes, 10, draws, 0.95)[1]
    figure = draw(table, ("unet", "rim"))
    figure.draw_without_rendering()
    left, right = figure.axes
    assert [len(line.get_xdata()) for line in left.lines] == [n_members - 1] * 2
    # the whole ensemble has no standard error of its own
    assert [len(line.get_xdata()) for line in right.lines[:2]] == [n_members - 2] * 2
    assert [text.get_text() for text in right.texts] == [
        "20 %: 14 members",
        "15 %: 24 members",
        "10 %: 52 members",
    ]
    draw(table[:0], ("unet",)).draw_without_rendering()
