"""Figures drawn from tables: nothing is lost, and undefined cells do no harm."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import PathPatch

from stages.figures import figure2, figure3, r2, training
from stages.figures.kit.dots import MARKERS
from stages.figures.kit.tissues import LOOKS
from stages.statistics.questions.paper import anchors
from stages.study.structures import STRUCTURES as STUDIED

STRUCTURES = ("hippocampus", "caudate")
GROUPS = ("unet", "rim", "noise")


def spread(value: str, n_scans: int = 4) -> pd.DataFrame:
    """Return a value for each group, structure and scan."""
    rows = [(g, k, 1.0 + s) for g in GROUPS for k in STRUCTURES for s in range(n_scans)]
    return pd.DataFrame(rows, columns=["group", "structure", value])


@pytest.mark.parametrize("n_scans", [1, 7])
def test_figure2_has_a_point_a_scan_of_few_scans(n_scans):
    figure = figure2.draw(
        spread("cv", n_scans), spread("bias", n_scans), GROUPS, STRUCTURES, anchors()
    )
    for axes in figure.axes:
        assert not [patch for patch in axes.patches if isinstance(patch, PathPatch)]
        points = [line for line in axes.lines if line.get_marker() in MARKERS]
        assert len(points) == len(GROUPS) * len(STRUCTURES)
        assert all(len(line.get_xdata()) == n_scans for line in points)


@pytest.mark.parametrize("n_scans", [8, 20])
def test_figure2_has_a_box_a_group_and_structure_of_many_scans(n_scans):
    figure = figure2.draw(
        spread("cv", n_scans), spread("bias", n_scans), GROUPS, STRUCTURES, anchors()
    )
    for axes in figure.axes:
        boxes = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
        assert len(boxes) == len(GROUPS) * len(STRUCTURES)
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["Hippocampus", "Caudate"]


def test_figure2_tells_a_cv_from_a_mean_absolute_difference():
    legend = figure2.draw(spread("cv"), spread("bias"), GROUPS, STRUCTURES, anchors()).legends[0]
    labels = [text.get_text() for text in legend.get_texts()]
    assert "test-retest coefficient of variation" in labels
    assert "test-retest mean absolute difference" in labels


def test_figure2_sets_scans_of_one_phantom_beside_the_published():
    again = figure2.rescanned(spread("cv").query("group == 'rim'"))
    assert again["structure"].tolist() == [*STRUCTURES]
    assert again["cv_percent"].tolist() == [2.5, 2.5]  # of 1, 2, 3, 4
    lines = pd.concat([anchors(), again])
    figure = figure2.draw(spread("cv"), spread("bias"), GROUPS, STRUCTURES, lines)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "test-retest CV of phantoms" in labels
    assert figure2.rescanned(spread("cv").query("group == 'none'")).empty


def test_figure2_leaves_undefined_cells_empty():
    cv = spread("cv", 8)
    cv.loc[cv["structure"] == "caudate", "cv"] = np.nan
    figure = figure2.draw(cv, spread("bias", 8), GROUPS, STRUCTURES, anchors())
    left = [patch for patch in figure.axes[0].patches if isinstance(patch, PathPatch)]
    assert len(left) == len(GROUPS)


def coefficients() -> pd.DataFrame:
    """Return a correlation for each scope and two statistics, one undefined."""
    scopes = [*STRUCTURES, "pooled", "within_structure"]
    table = pd.DataFrame(
        [(scope, s, 4, 0.25) for scope in scopes for s in ("mean", "p95")],
        columns=["scope", "statistic", "n", "pearson"],
    )
    table.loc[0, "pearson"] = np.nan
    return table


@pytest.mark.parametrize(("n", "opacity"), [(9, figure3.FADED), (10, 1.0)])
def test_figure3_fades_coefficients_of_few_scans(n, opacity):
    points = pd.DataFrame({"structure": np.repeat(STRUCTURES, 3), "mean": 0.02, "cv": 1.0})
    figure = figure3.draw(points, coefficients().assign(n=n), inference(), "rim", STRUCTURES)
    each = figure.axes[2]
    assert [text.get_text() for text in each.get_yticklabels()] == ["Hippocampus", "Caudate"]
    assert each.images[0].get_alpha() == pytest.approx(np.full((2, 2), opacity))
    assert ("faded" in each.get_title()) == (n < 10)


def test_figure3_draws_the_intervals_of_what_it_combines():
    points = pd.DataFrame({"structure": np.repeat(STRUCTURES, 3), "mean": 0.02, "cv": 1.0})
    figure = figure3.draw(points, coefficients(), inference(), "rim", STRUCTURES)
    assert [-0.2, 0.5] in drawn(figure.axes[1])
    assert [-0.1, 0.65] in drawn(figure.axes[1])


def test_figure3_has_a_colour_a_tissue_class():
    names = [entry.name for entry in STUDIED]
    points = pd.DataFrame({"structure": names, "mean": 0.02, "cv": 1.0})
    axes = figure3.draw(points, coefficients(), inference(), "rim", names).axes[0]
    assert len(axes.collections) == len(LOOKS) == 4
    assert sum(len(c.get_offsets()) for c in axes.collections) == len(names)


def test_figure3_writes_every_coefficient():
    points = pd.DataFrame(
        {"structure": np.repeat(STRUCTURES, 3), "mean": 0.02, "cv": [1, 2, 3, 0, 2, 0.5]}
    )
    figure = figure3.draw(points, coefficients(), inference(), "rim", STRUCTURES)
    written = [text.get_text() for text in figure.axes[2].texts]
    assert written.count("0.25") == 3
    assert written.count("–") == 1
    # a cell that does not vary has no place on a logarithmic axis
    assert sum(len(c.get_offsets()) for c in figure.axes[0].collections) == 5
    assert "4 scans" in figure.axes[2].get_title()


def inference(group: str = "rim") -> pd.DataFrame:
    """Return intervals, ceilings and what disjoint halves predict."""
    rows = [
        ("pooled", "noise_ceiling", "between_halves", 0.64, 0.49, 0.81),
        ("pooled", "noise_ceiling", "split_half", 0.9, 0.8, 0.95),
        ("within_structure", "noise_ceiling", "between_halves", 0.25, np.nan, np.nan),
        ("pooled", "mean", "disjoint", 0.15, -0.2, 0.5),
        ("pooled", "summary", "disjoint_r2", 0.22, np.nan, np.nan),
        ("pooled", "summary", "disjoint_wrong_subject_mean", 0.25, np.nan, np.nan),
        ("pooled", "summary", "disjoint_wrong_subject_p95", 0.35, np.nan, np.nan),
        ("within_structure", "mean", "pearson", np.nan, np.nan, np.nan),
        ("pooled", "mean", "pearson", 0.4, -0.1, 0.65),
        ("pooled", "p95", "pearson", 0.99, 0.98, 1.0),
        ("within_structure", "mean", "spearman", -0.3, -0.9, 0.2),
        ("caudate", "mean", "pearson", 0.97, 0.9, 1.0),
    ]
    columns = ["scope", "statistic", "estimate", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns).assign(group=group)


def drawn(axes) -> list[list[float]]:
    """Return the abscissae of every line."""
    return [[float(x) for x in np.atleast_1d(line.get_xdata())] for line in axes.lines]


def test_r2_far_below_zero_is_an_arrow_that_explains_nothing():
    rows = [
        ("rim", "histogram", "in_sample", 0.3),
        ("rim", "histogram", "wrong_subject_mean", 0.1),
        ("rim", "histogram", "wrong_subject_p95", 0.2),
        ("rim", "structure_only", "in_sample", 0.66),
        ("rim", "histogram", "leave_one_subject_out", -7.5),
        ("unet", "histogram", "in_sample", 0.123),
    ]
    table = pd.DataFrame(rows, columns=["group", "predictors", "estimate", "r2"])
    (axes,) = r2.draw_r2(table, inference(), ["rim"]).axes
    assert [text.get_text() for text in axes.texts] == ["none"]
    low, high = axes.get_xlim()
    assert all(low <= x <= high for xs in drawn(axes) for x in xs)
    assert [0.1, 0.2] in drawn(axes)
    assert [0.66] in drawn(axes)
    assert [0.123] not in drawn(axes)


def test_ceilings_stand_only_beside_correlations_of_disjoint_halves():
    table = pd.DataFrame(
        [("rim", "histogram", "in_sample", 0.3), ("rim", "summary", "within_structure", 0.2)],
        columns=["group", "predictors", "estimate", "r2"],
    )
    (upper,) = r2.draw_r2(table, inference(), ["rim"]).axes
    (r,) = r2.draw_correlations(inference(), ["rim"]).axes
    assert not [line for line in upper.lines if line.get_marker() == "D"]
    assert [0.22] in drawn(upper) and [0.25, 0.35] in drawn(upper)
    # a correlation is bounded by the root: 0.8 and within structures 0.5
    diamonds = [line for line in r.lines if line.get_marker() == "D"]
    assert [float(line.get_xdata()[0]) for line in diamonds] == pytest.approx([0.8, 0.5])
    rows = {text.get_text(): y for text, y in zip(r.get_yticklabels(), r.get_yticks(), strict=True)}
    heights = [float(line.get_ydata()[0]) for line in diamonds]
    assert [h + r2.APART for h in heights] == pytest.approx([
        rows["other half's ln CV"], rows["other half's ln CV, within"]
    ])  # fmt: skip
    for xs in ([0.7, 0.9], [-0.2, 0.5], [-0.1, 0.65], [-0.9, 0.2], [0.4], [-0.3]):
        assert any(len(found) == len(xs) and np.allclose(found, xs) for found in drawn(r)), xs
    # neither other statistics, nor single structures, nor a mean over structures of few subjects
    assert not {0.99, 0.97} & {xs[0] for xs in drawn(r)}
    assert "mean over structures" not in rows


@pytest.mark.parametrize("groups", [("unet",), ("rim", "unet")])
def test_r2_is_drawn_of_few_groups_and_without_any_ceiling(groups):
    table = pd.DataFrame(columns=["group", "predictors", "estimate", "r2"])
    known = inference()
    known = known[known["statistic"] != "noise_ceiling"]
    for figure in (r2.draw_r2(table, known, groups), r2.draw_correlations(known, groups)):
        figure.canvas.draw()
        assert len(figure.axes) == len(groups)


def test_training_has_a_line_a_member_without_the_steps_that_were_not_validated():
    rows = [
        (group, seed, step, 1 / step, 30.0 if step % 5 == 0 else np.nan, 0.9)
        for group in ("unet", "rim")
        for seed in range(3)
        for step in range(1, 21)
    ]
    columns = ["group", "seed", "step", *training.PANELS]
    curves = pd.DataFrame(rows, columns=columns)
    kept = curves[curves["step"] == 15]
    figure = training.draw(curves, kept, ("unet", "rim"))
    assert [len(axes.lines) for axes in figure.axes] == [6, 12, 12]  # and a dot a member
    dots = [line.get_xydata().tolist() for line in figure.axes[1].lines[6:]]
    assert dots == 6 * [[[15.0, 30.0]]]
    assert len(figure.axes[1].lines[0].get_xdata()) == 4
    assert figure.axes[0].get_yscale() == "log"
