"""The figure of trial sizes: every network marked within its interval, bounds, gaps harmless."""

import numpy as np
import pandas as pd
import pytest

from stages.figures.power import MARKERS, draw
from stages.statistics.questions.power import PowerOptions, Variability, power
from tests.statistics.conftest import parameters

STRUCTURES = ("hippocampus", "caudate", "csf")
GROUPS = ("unet", "rim")
TRIAL = parameters().trial


def results(structures: tuple[str, ...] = STRUCTURES, bounds: bool = True) -> pd.DataFrame:
    """Return the table of two networks whose volumes vary."""
    factors = np.geomspace(0.5, 2.0, 99)
    suffixes = {"": 1e-4} | ({"_uncancelled": 9e-4} if bounds else {})
    found = []
    for group in GROUPS:
        for k, structure in enumerate(structures):
            own = {f"{s}{end}": v * (k + 1) for s in MARKERS for end, v in suffixes.items()}
            draws = {scope: value * factors for scope, value in own.items()}
            found.append(Variability(group, structure, 4, 5, own, draws, 0.95))
    return power(found, PowerOptions())[1]


def points(axes) -> list[tuple[float, float]]:
    marked = [line for line in axes.lines if line.get_marker() in ("o", "D")]
    return [xy for line in marked for xy in zip(*line.get_data(), strict=True)]


def test_patients_lie_in_their_intervals_beyond_a_trial_without_variability():
    table = results()
    trial, changes = draw(table, GROUPS, STRUCTURES, TRIAL).axes
    found = points(trial)
    own = table[table["structure"] == "hippocampus"]
    assert sorted(x for x, _ in found) == sorted(own["patients_per_arm"])
    assert len({row for _, row in found}) == len(found) == 4 * len(GROUPS)
    least = trial.texts[0].get_text()
    assert least == "no variability: 127"
    assert min(x for x, _ in found) > 127
    assert len(points(changes)) == 2 * len(GROUPS) * len(STRUCTURES)
    low, high = changes.get_xlim()
    assert all(low < change < high for change, _ in points(changes))


def test_a_bar_reaches_to_where_nothing_common_cancels():
    def ends(table: pd.DataFrame) -> list[float]:
        changes = draw(table, GROUPS, STRUCTURES, TRIAL).axes[1]
        return [float(x) for ln in changes.lines if ln.get_marker() == "|" for x in ln.get_xdata()]

    table = results()
    bound = table.loc[table["scope"] == "fixed_model_uncancelled", "detectable_change_percent"]
    assert sorted(ends(table)) == pytest.approx(sorted(bound))
    assert ends(results(bounds=False)) == []


def test_architectures_carry_their_number_of_members():
    figure = draw(results(), (*GROUPS, "varnet"), STRUCTURES, TRIAL)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[:3] == ["UNet (5 members)", "RIM (5 members)", "VarNet"]


def test_no_hippocampus_and_no_variability_do_no_harm():
    table = results(("caudate", "csf"))
    still = results().assign(detectable_change_percent=0.0)
    for each in (table, still, table.iloc[:0]):
        draw(each, GROUPS, ("caudate", "csf"), TRIAL).canvas.draw()
    assert points(draw(table, GROUPS, ("caudate", "csf"), TRIAL).axes[0]) == []
