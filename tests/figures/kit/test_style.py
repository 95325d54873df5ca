"""Files of figures are reproducible, and every group has a colour of its own."""

import numpy as np
import pandas as pd

from stages.figures.kit.style import COLOURS, ceilings, colour, new_figure, save, title


def test_the_same_drawing_is_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        figure = new_figure(2, 2)
        figure.subplots().plot([1, 2])
        save(figure, tmp_path / name)
    content = (tmp_path / "a.png").read_bytes()
    assert content == (tmp_path / "b.png").read_bytes()
    assert b"Software" not in content
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "b.png"}


def test_groups_differ_in_colour_also_when_they_are_new():
    groups = ["unet", "cascade", "varnet", "transformer", "noise"]
    assert len({colour(name, groups) for name in groups}) == len(groups)
    assert colour("rim") == COLOURS["rim"]


def test_titles():
    assert title("varnet") == "VarNet"
    assert title("third_ventricle") == "3rd ventricle"
    assert title("new_model") == "New model"


def test_ceilings_are_those_that_are_defined():
    rows = [
        ("pooled", "ceiling", "analytic", 0.6, 0.5, 0.7),
        ("pooled", "ceiling", "split_half", np.nan, np.nan, np.nan),
        ("within_structure", "ceiling", "split_half", 0.0, 0.0, 0.4),
        ("pooled", "mean", "pearson", 0.3, 0.1, 0.4),
    ]
    columns = ["scope", "statistic", "estimate", "value", "low", "high"]
    found = ceilings(pd.DataFrame(rows, columns=columns))
    assert found == {
        ("pooled", "analytic"): (0.6, 0.5, 0.7),
        ("within_structure", "split_half"): (0.0, 0.0, 0.4),
    }
