"""The figure of |bias|: a point a coefficient, a column a target, rings where significant."""

import numpy as np
import pandas as pd

from stages.figures.bias_prediction import RING, SCOPES, TARGETS, draw, significant
from stages.figures.kit.dots import SIZE
from tests.page.results import facts

SURROGATES = {"std_mean": "A", "linearised_volume": "B", "cv": "C"}
GROUPS = ("unet", "rim")


def table(targets: tuple[str, ...] = tuple(TARGETS)) -> pd.DataFrame:
    """Return coefficients of all targets, groups, surrogates and scopes."""
    rows = [
        (group, target, name, kind, "disjoint", scope, 32, 0.4, 0.2, 0.7)
        for group in GROUPS
        for target in targets
        for name, kind in SURROGATES.items()
        for scope in (*SCOPES, "two_way")
    ]
    columns = ["group", "target", "surrogate", "kind", "estimate", "scope", "n", "value"]
    found = pd.DataFrame(rows, columns=[*columns, "low", "high"])
    others = {"logarithms": 0.6, "spearman": 0.9}
    parts = [found.assign(estimate=name, value=r) for name, r in others.items()]
    return pd.concat([found, *parts], ignore_index=True)


MARKED = {("rim", target, "linearised_volume") for target in TARGETS}


def points(axes, size: float) -> list[float]:
    """Return the abscissae of the markers of a size."""
    lines = [line for line in axes.lines if line.get_marker() not in ("None", "", None)]
    return [float(line.get_xdata()[0]) for line in lines if line.get_markersize() == size]


def test_each_coefficient_has_a_point_and_significant_ones_a_ring() -> None:
    figure = draw(table(), GROUPS, MARKED)
    assert len(figure.axes) == len(SCOPES) * len(TARGETS)
    for k, axes in enumerate(figure.axes):
        assert points(axes, SIZE) == [0.4] * len(GROUPS) * len(SURROGATES)
        assert points(axes, SIZE - 1) == [0.6] * len(GROUPS) * len(SURROGATES)
        within = k < len(TARGETS)
        assert points(axes, RING * SIZE) == ([0.4] if within else [])
        assert ("Within" in axes.get_title()) == within
        assert "n = 32 pairs" in axes.get_title()
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["voxelwise SD, mean", "linearised volume", "CV of the volume"]


def test_without_a_truth_there_is_one_column() -> None:
    assert len(draw(table(("reference",)), GROUPS, MARKED).axes) == len(SCOPES)


def test_undefined_coefficients_and_empty_tables_draw_nothing() -> None:
    figure = draw(table().assign(value=np.nan), GROUPS, MARKED)
    figure.canvas.draw()
    assert points(figure.axes[0], SIZE) == []
    draw(table().iloc[:0], GROUPS, MARKED).canvas.draw()


def test_the_marked_are_those_below_the_level_in_their_family() -> None:
    def leaf(adjusted: float) -> dict[str, object]:
        return {"disjoint": {"within_structure": {"p": 0.001, "adjusted": adjusted}}}

    own = {"rim": {"reference": {"surrogates": {"cv": leaf(0.04), "std_mean": leaf(0.06)}}}}
    untested = {"unet": {"truth": {"surrogates": {"cv": {"disjoint": {"within_structure": {}}}}}}}
    found = facts({"bias_prediction": own | untested}, groups=("unet", "rim"))
    assert significant(found) == {("rim", "reference", "cv")}
