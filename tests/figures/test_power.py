"""The figure of trial sizes: every architecture marked, the curve whole, gaps harmless."""

import numpy as np
import pandas as pd
import pytest

from stages.figures.power import draw
from stages.statistics.questions.power import PowerOptions, power

STRUCTURES = ("hippocampus", "caudate", "csf")
GROUPS = ("unet", "rim")


def results(structures: tuple[str, ...] = STRUCTURES) -> pd.DataFrame:
    """Return the table of two architectures whose volumes vary."""
    rows = [
        (group, structure, component, (1 + k) * 1e-4, 4, 5)
        for group in GROUPS
        for k, structure in enumerate(structures)
        for component in ("member", "interaction")
    ]
    columns = ["group", "structure", "component", "variance", "n_scans", "n_members"]
    return power(pd.DataFrame(rows, columns=columns), PowerOptions())[1]


def points(axes) -> list[tuple[float, float]]:
    marked = [line for line in axes.lines if line.get_marker() in ("o", "D")]
    return [xy for line in marked for xy in zip(*line.get_data(), strict=True)]


def test_hippocampus_of_each_architecture_lies_on_the_curve():
    trial, changes = draw(results(), GROUPS, STRUCTURES).axes
    x, y = trial.lines[0].get_data()
    found = points(trial)
    assert len(found) == 2 * len(GROUPS)
    for cv, inflation in found:
        assert inflation == pytest.approx(np.interp(cv, x, y), rel=1e-3)
    assert len(points(changes)) == 2 * len(GROUPS) * len(STRUCTURES)
    low, high = changes.get_xlim()
    assert all(low < change < high for change, _ in points(changes))


def test_architectures_carry_their_number_of_members():
    figure = draw(results(), (*GROUPS, "varnet"), STRUCTURES)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[:3] == ["UNet (5 members)", "RIM (5 members)", "VarNet"]


def test_no_hippocampus_and_no_variability_do_no_harm():
    table = results(("caudate", "csf"))
    still = results().assign(detectable_change_percent=0.0)
    for each in (table, still, table.iloc[:0]):
        figure = draw(each, GROUPS, ("caudate", "csf"))
        figure.canvas.draw()
    assert points(draw(table, GROUPS, ("caudate", "csf")).axes[0]) == []
