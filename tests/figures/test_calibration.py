"""Rank histograms and spread against error."""

import numpy as np
import pandas as pd
import pytest

from stages.figures.calibration import draw
from stages.statistics.methods.member_medians import draw as draw_subjects
from stages.statistics.questions.calibration import calibrate

GROUPS = ("unet", "rim")


def cells(n_scans: int) -> pd.DataFrame:
    """Return a table of two architectures, one structure without a true volume."""
    rng = np.random.default_rng(0)
    target = pd.DataFrame(
        [
            (f"s{i}", k, v)
            for i in range(n_scans)
            for k, v in (("a", 10.0), ("b", 90.0), ("c", 0.0))
        ],
        columns=["subject", "structure", "volume_mm3"],
    )
    parts = [
        target.assign(
            group=g, member=m, volume_mm3=target["volume_mm3"] + rng.normal(size=len(target))
        )
        for g in GROUPS
        for m in range(3)
    ]
    draws = draw_subjects({f"s{i}": f"s{i}" for i in range(n_scans)}, 20, rng)
    table = calibrate(pd.concat(parts), target, draws, 0.95)[1]
    return table.assign(target="reference")


@pytest.mark.parametrize("n_scans", [1, 5])
def test_a_histogram_an_architecture_and_a_point_a_structure(n_scans):
    figure = draw(cells(n_scans), GROUPS, {})
    figure.draw_without_rendering()
    *histograms, spread = figure.axes
    assert [len(axes.patches) for axes in histograms] == [4, 4]
    for axes in histograms:
        assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(1)
        assert axes.lines[0].get_ydata()[0] == pytest.approx(1 / 4)
        assert f"{2 * n_scans}\nstructures" in axes.get_ylabel()
        assert axes.get_ylim() == histograms[0].get_ylim()
    assert [len(line.get_xdata()) for line in spread.lines] == [2, 2, 2]


def test_an_architecture_without_cells_says_so():
    table = cells(2)
    table.loc[table["group"] == "rim", ["error", "spread"]] = np.nan
    figure = draw(table, GROUPS, {})
    figure.draw_without_rendering()
    assert figure.axes[1].texts[0].get_text() == "no data"
    assert "fully sampled" in figure.axes[0].get_xlabel()
    draw(table[:0], GROUPS, {}).draw_without_rendering()


def test_true_volumes_have_a_row_with_the_noise_realisations():
    table = cells(4)
    truth = pd.concat([table, table[table["group"] == "unet"].assign(group="noise")])
    found = {"truth": {"noise": {"outside": {"value": 0.891, "low": 0.7, "high": 1.0}}}}
    both = pd.concat([table, truth.assign(target="truth")])
    figure = draw(both, GROUPS, found)
    figure.draw_without_rendering()
    assert [axes.get_title() for axes in figure.axes].count("Noise") == 1
    noise = next(axes for axes in figure.axes if axes.get_title() == "Noise")
    assert "89\N{NO-BREAK SPACE}% (70 to 100\N{NO-BREAK SPACE}%)" in noise.texts[0].get_text()
    assert "true volume" in noise.get_xlabel()
