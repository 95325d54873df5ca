"""Figures drawn from tables: nothing is lost, and undefined cells do no harm."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import PathPatch

from stages.figures import correlations, regression, training, volumes
from stages.uncertainty.paper import anchors

STRUCTURES = ("hippocampus", "caudate")
GROUPS = ("unet", "rim", "noise")


def spread(value: str, n_scans: int = 4) -> pd.DataFrame:
    """Return a value for each group, structure and scan."""
    rows = [(g, k, 1.0 + s) for g in GROUPS for k in STRUCTURES for s in range(n_scans)]
    return pd.DataFrame(rows, columns=["group", "structure", value])


@pytest.mark.parametrize("n_scans", [1, 4])
def test_figure2_has_a_box_a_group_and_structure(n_scans):
    figure = volumes.draw(
        spread("cv", n_scans), spread("bias", n_scans), GROUPS, STRUCTURES, anchors()
    )
    for axes in figure.axes:
        boxes = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
        assert len(boxes) == len(GROUPS) * len(STRUCTURES)
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["Hippocampus", "Caudate"]


def test_figure2_leaves_undefined_cells_empty():
    cv = spread("cv")
    cv.loc[cv["structure"] == "caudate", "cv"] = np.nan
    figure = volumes.draw(cv, spread("bias"), GROUPS, STRUCTURES, anchors())
    left = [patch for patch in figure.axes[0].patches if isinstance(patch, PathPatch)]
    assert len(left) == len(GROUPS)


def coefficients() -> pd.DataFrame:
    """Return a correlation for each scope and two statistics, one undefined."""
    scopes = [*STRUCTURES, *correlations.SCOPES]
    table = pd.DataFrame(
        [(scope, s, 4, 0.25) for scope in scopes for s in ("mean", "p95")],
        columns=["scope", "statistic", "n", "pearson"],
    )
    table.loc[0, "pearson"] = np.nan
    return table


def test_figure3_writes_every_coefficient():
    points = pd.DataFrame(
        {"structure": np.repeat(STRUCTURES, 3), "mean": 0.02, "cv": [1, 2, 3, 0, 2, 0.5]}
    )
    figure = correlations.draw(points, coefficients(), "rim", STRUCTURES)
    written = [text.get_text() for text in figure.axes[1].texts]
    assert written.count("0.25") == 9
    assert written.count("–") == 1
    # a cell that does not vary has no place on a logarithmic axis
    assert sum(len(c.get_offsets()) for c in figure.axes[0].collections) == 5
    assert "4 scans" in figure.axes[1].get_title()


def test_r2_far_below_zero_is_an_arrow_with_its_number():
    rows = [
        ("rim", "histogram", "in_sample", 0.3),
        ("rim", "histogram", "chance", 0.1),
        ("rim", "histogram", "leave_exam_out", -7.5),
        ("rim", "ceiling", "pooled", 0.6),
        ("rim", "ceiling", "within_structure", np.nan),
    ]
    table = pd.DataFrame(rows, columns=["group", "predictors", "estimate", "r2"])
    (axes,) = regression.draw(table, ["rim"]).axes
    assert [text.get_text() for text in axes.texts] == ["-7.5"]
    low, high = axes.get_xlim()
    drawn = [np.atleast_1d(line.get_xdata()) for line in axes.lines]
    assert all(low <= x <= high for xs in drawn for x in xs)
    assert any(np.allclose(xs, 0.6) for xs in drawn)


def test_training_has_a_line_a_member_without_the_steps_that_were_not_validated():
    rows = [
        (group, seed, step, 1 / step, 30.0 if step % 5 == 0 else np.nan, 0.9)
        for group in ("unet", "rim")
        for seed in range(3)
        for step in range(1, 21)
    ]
    columns = ["group", "seed", "step", *training.PANELS]
    figure = training.draw(pd.DataFrame(rows, columns=columns), ("unet", "rim"))
    assert [len(axes.lines) for axes in figure.axes] == [6, 6, 6]
    assert len(figure.axes[1].lines[0].get_xdata()) == 4
    assert figure.axes[0].get_yscale() == "log"
