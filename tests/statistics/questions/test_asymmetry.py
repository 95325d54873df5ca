"""Agreement of asymmetries: by hand, with gaps, and where the sides are merged."""

import json

import numpy as np
import pandas as pd
import pytest

from stages.statistics.answer import Answer
from stages.statistics.questions.asymmetry import COLUMNS, MERGED, ask, asymmetry
from tests.statistics.conftest import cohort_of, ensembles, parameters

GROUPS = {"unet": 3, "noise": 3, "zero_filled": 1, "reference": 1}


def sides(n_scans: int, shift: float = 0.0) -> pd.DataFrame:
    """Return left and right volumes; UNet's index lies `shift` points above the reference's."""
    generator = np.random.default_rng(0)
    true = generator.normal(0, 3, n_scans)
    rows = []
    for group, n_members in GROUPS.items():
        for member in range(n_members):
            for s in range(n_scans):
                index = true[s] + (shift if group == "unet" else 0.0)
                index += 0.0 if group == "reference" else generator.normal(0, 0.5)
                half = 2000 * np.array([1 + index / 100, 1 - index / 100])
                rows.append((group, member, f"sub-{s}", "hippocampus", *half))
    columns = ["group", "member", "subject", "structure", "left_mm3", "right_mm3"]
    return pd.DataFrame(rows, columns=columns)


def answered(table: pd.DataFrame | None) -> Answer:
    cohort = cohort_of(sides=table, subject_of={}, ensembles=ensembles(("unet",)))
    return ask(cohort, parameters(), np.random.default_rng(0))


def test_the_index_by_hand():
    table = pd.DataFrame({"left_mm3": [60.0, 0.0, 0.0], "right_mm3": [40.0, 5.0, 0.0]})
    assert asymmetry(table) == pytest.approx([20.0, -100.0, np.nan], nan_ok=True)


def test_a_shift_of_the_index_is_a_bias_in_points():
    table = answered(sides(8, shift=2.0)).tables["asymmetry"]
    assert list(table.columns) == COLUMNS
    row = table.set_index("group").loc["unet"]
    assert row["bias_low"] < 2.0 < row["bias_high"]
    assert row["lower"] < row["bias_low"] and row["bias_high"] < row["upper"]
    metrics = answered(sides(8, shift=2.0)).metrics
    assert metrics["judged"] == 1
    assert metrics["unet"]["biased"] == 1
    assert metrics["noise"]["n"] == {"structures": 1, "structures_undefined": 0, "undefined": 0}


def test_merged_sides_are_not_asked_and_it_says_why():
    answer = answered(None)
    assert answer.metrics == {"judged": 0, "reason": MERGED}
    assert not answer.tables


@pytest.mark.parametrize("n_scans", [1, 2, 4])
def test_few_scans_and_missing_sides_leave_gaps(n_scans):
    table = sides(n_scans)
    table.loc[::4, ["left_mm3", "right_mm3"]] = 0.0
    answer = answered(table)
    json.dumps(answer.metrics, allow_nan=False)
    if n_scans < 3:
        assert answer.metrics["unet"]["n"]["structures_undefined"] == 1
