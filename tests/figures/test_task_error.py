"""Image quality against task error of the members."""

import numpy as np
import pandas as pd

from stages.figures.task_error import draw
from stages.statistics.methods.member_ranks import ranks_within
from stages.statistics.questions.task_error import VARIABLES

GROUPS = ("unet", "varnet", "rim")
LEAF = {"within": {"spearman": 0.5, "low": -0.2, "high": 0.9}}
FOUND = {score: dict.fromkeys(("variability", "bias"), LEAF) for score in ("psnr", "ssim")}


def members(n_members: int) -> pd.DataFrame:
    """Return a table as in plots/analyse/task_error.csv."""
    rng = np.random.default_rng(0)
    groups = np.repeat(GROUPS, n_members)
    values = {name: rng.uniform(1, 2, len(groups)) for name in VARIABLES}
    ranks = {f"{name}_rank": ranks_within(v, groups) for name, v in values.items()}
    return pd.DataFrame({"group": groups, **values, **ranks})


def test_every_member_is_in_every_panel():
    figure = draw(members(4), GROUPS, FOUND)
    figure.draw_without_rendering()
    assert len(figure.axes) == 4
    for axes in figure.axes:
        assert [len(line.get_xdata()) for line in axes.lines] == [4, 4, 4]
    titles = [axes.get_title() for axes in figure.axes]
    assert titles.count("ρ = 0.50 (−0.20 to 0.90)") == 4


def test_what_is_undefined_is_a_dash():
    table = members(2).assign(variability_rank=0.0, variability=1.0)
    figure = draw(table, GROUPS, {})
    figure.draw_without_rendering()
    assert sum("–" in axes.get_title() for axes in figure.axes) == 4
    draw(table[:0], GROUPS, {}).draw_without_rendering()
