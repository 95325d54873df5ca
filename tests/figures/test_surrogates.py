"""The figure of surrogates: a point a value, ceilings of what they bound, and no crash."""

import numpy as np
import pandas as pd
import pytest

from stages.figures.kit.noise_ceilings import LABEL
from stages.figures.kit.style import colour
from stages.figures.surrogates import SCOPES, draw, relations

SURROGATES = {
    "volume": "0",
    "std_mean": "A",
    "linearised_volume": "B",
    "vote_entropy": "C",
    "own_idea": "C",
}
GROUPS = ("unet", "rim")


def table() -> pd.DataFrame:
    """Return r = 0.4 of the other half and 0.6 of the same members, 0.3 of another subject."""
    values = {"disjoint_{}_r": (0.4, 0.2, 0.7), "{}_r": (0.6, 0.5, 0.8)}
    rows = [
        (group, name, kind, 32, estimate.format(scope), *ends)
        for group in GROUPS
        for name, kind in SURROGATES.items()
        for scope in SCOPES
        for estimate, ends in values.items()
    ]
    rows += [
        (group, name, kind, 32, f"wrong_subject_mean_{r2}", 0.09, np.nan, np.nan)
        for group in GROUPS
        for name, kind in SURROGATES.items()
        for r2 in ("pooled_r2", "within_structure_r2")
    ]
    columns = ["group", "surrogate", "kind", "n", "estimate", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def inference() -> pd.DataFrame:
    """Return ceilings of R2: pooled 0.81, none within structures."""
    rows = [
        (group, scope, "noise_ceiling", "between_halves", value, value - 0.17, value + 0.1)
        for group in GROUPS
        for scope, value in (("pooled", 0.81), ("within_structure", np.nan))
    ]
    columns = ["group", "scope", "statistic", "estimate", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def points(axes, style: str = "full", mark: str = "os^") -> list:
    lines = [line for line in axes.lines if line.get_marker() in tuple(mark)]
    return [line for line in lines if line.get_fillstyle() == style]


def test_each_value_has_a_point_in_its_colour_and_only_the_other_half_an_interval():
    for scope in SCOPES:
        (axes,) = draw(table(), inference(), GROUPS, scope).axes
        filled, hollow = points(axes), points(axes, "none")
        assert [line.get_xdata()[0] for line in filled] == [0.4] * len(GROUPS) * len(SURROGATES)
        assert [line.get_xdata()[0] for line in hollow] == [0.6] * len(GROUPS) * len(SURROGATES)
        assert {line.get_color() for line in filled} == {colour(g) for g in GROUPS}
        bars = [list(line.get_xdata()) for line in axes.lines]
        assert bars.count([0.2, 0.7]) == len(filled)
        assert [0.5, 0.8] not in bars
        strokes = [line.get_xdata()[0] for line in points(axes, mark="|")]
        assert strokes == pytest.approx([0.3] * len(filled))
        assert "n = 32" in axes.get_title()
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert {"linearised volume", "Own idea", "C: all segmentations"} <= set(names)
    assert "Baseline: the volume itself" in names


def test_undefined_values_and_intervals_are_not_drawn():
    gaps = table()
    gaps.loc[gaps["surrogate"] == "std_mean", ["value", "low", "high"]] = np.nan
    gaps.loc[gaps["surrogate"] == "vote_entropy", ["low", "high"]] = np.nan
    axes = draw(gaps, inference(), GROUPS, "within_structure").axes[0]
    n = len(SURROGATES)
    assert len(points(axes)) == len(GROUPS) * (n - 1)
    bars = [list(line.get_xdata()) for line in axes.lines]
    assert bars.count([0.2, 0.7]) == len(GROUPS) * (n - 2)


def test_ceilings_stand_on_either_side_of_zero_and_with_their_intervals():
    within, pooled = (draw(table(), inference(), GROUPS, scope).axes[0] for scope in SCOPES)
    diamonds = [list(line.get_xdata()) for line in pooled.lines if line.get_marker() == "D"]
    n_rows = len(GROUPS) * len(SURROGATES)
    assert sum(np.allclose(xs, [-0.9, 0.9]) for xs in diamonds if len(xs) == 2) == n_rows
    assert sum(np.allclose(xs, [0.9]) for xs in diamonds if len(xs) == 1) == len(GROUPS)
    bars = [list(line.get_xdata()) for line in pooled.lines if len(line.get_xdata()) == 2]
    assert sum(np.allclose(xs, np.sqrt([0.64, 0.91])) for xs in bars) == len(GROUPS)
    # an undefined ceiling is not drawn
    assert not [line for line in within.lines if line.get_marker() == "D"]
    assert LABEL in [text.get_text() for text in within.get_yticklabels()]


def test_the_wrong_subject_has_the_sign_of_the_right_one():
    negative = table()
    negative.loc[negative["estimate"] == "pooled_r", "value"] = -0.6
    assert relations(negative, "pooled")["rim", "volume"].wrong == pytest.approx(-0.3)


@pytest.mark.parametrize("groups", [(), ("unet",), ("noise",)])
def test_few_groups_make_a_figure(groups):
    figure = draw(table(), inference(), groups, "pooled")
    figure.canvas.draw()
    assert len(figure.axes) == 1
