"""The ratio of two median coefficients of variation."""

import math

import numpy as np
import pandas as pd
import pytest

from stages.statistics.methods.ranking import median_ratio

STRUCTURES = ["a", "b", "c"]


def cohort(first: np.ndarray, second: np.ndarray) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return two groups of pairs, (structures, scans) each, and an exam a scan."""
    subjects = [f"s{k}" for k in range(first.shape[1])]
    rows = [
        (group, k, s, values[i, j])
        for group, values in (("x", first), ("y", second))
        for i, k in enumerate(STRUCTURES)
        for j, s in enumerate(subjects)
    ]
    table = pd.DataFrame(rows, columns=["group", "structure", "subject", "cv"])
    return table, {s: s for s in subjects}


def test_a_ratio_that_all_scans_share_has_no_width() -> None:
    first = np.array([[1.0] * 6, [2.0] * 6, [4.0] * 6])
    table, exams = cohort(first, 1.5 * first)
    found = median_ratio(table, ("x", "y"), exams, 0.95, np.random.default_rng(0))
    assert found == pytest.approx((1.5, 1.5, 1.5))


def test_the_interval_holds_the_ratio_and_is_wider_for_a_higher_level() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.lognormal(size=(2, 3, 12))
    table, exams = cohort(first, second)
    narrow, wide = (
        median_ratio(table, ("x", "y"), exams, level, np.random.default_rng(0))
        for level in (0.5, 0.95)
    )
    assert narrow.value == pytest.approx(np.median(second) / np.median(first))
    assert wide.low <= narrow.low <= narrow.value <= narrow.high <= wide.high
    other = median_ratio(table, ("y", "x"), exams, 0.95, np.random.default_rng(0))
    assert (other.low, other.high) == pytest.approx((1 / wide.high, 1 / wide.low), rel=0.05)


def test_cells_and_scans_may_be_missing() -> None:
    first = np.arange(1.0, 13.0).reshape(3, 4)
    table, exams = cohort(first, 2 * first)
    table.loc[0, "cv"] = np.nan
    table = table[table["subject"] != "s3"]
    found = median_ratio(table, ("x", "y"), exams, 0.95, np.random.default_rng(0))
    kept = first[:, :3].ravel()
    assert found.value == pytest.approx(2 * np.median(kept) / np.median(kept[1:]))


def test_two_exams_have_no_interval_and_nothing_has_no_ratio() -> None:
    table, exams = cohort(np.ones((3, 2)), np.ones((3, 2)))
    found = median_ratio(table, ("x", "y"), exams, 0.95, np.random.default_rng(0))
    assert found.value == 1.0
    assert math.isnan(found.low)
    empty = median_ratio(table.iloc[:0], ("x", "y"), exams, 0.95, np.random.default_rng(0))
    assert math.isnan(empty.value)
