"""Rank agreement of two variables: scipy, repeated scans, and what is undefined."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from scipy.stats import t as student

from stages.statistics.methods.rank_agreement import Agreement, rank_agreement
from tests.statistics.questions.test_tasks import EXAMS, pairs


def agreement(table: pd.DataFrame, subject_of: dict[str, str] = EXAMS) -> dict[str, Agreement]:
    return rank_agreement(table, table, ("x", "y"), subject_of, 0.95)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sets(st.integers(0, 29), max_size=12))
def test_coefficients_are_scipys(seed: int, missing: set[int]) -> None:
    table = pairs(seed)
    table.loc[list(missing), "y"] = np.nan
    found = agreement(table)
    known = table.dropna()
    assert found["pooled"].n == len(known)
    assert found["pooled"].r == pytest.approx(spearmanr(known["x"], known["y"]).statistic)
    centred = known[["x", "y"]] - known.groupby("structure")[["x", "y"]].transform("mean")
    # a structure's only scan is centred to rounding
    alone = known.groupby("structure")["x"].transform("size") == 1
    centred[alone] = 0.0
    expected = spearmanr(centred["x"], centred["y"]).statistic
    assert found["within_structure"].r == pytest.approx(expected)


def test_the_interval_leaves_out_exams_whole_and_structures() -> None:
    table = pairs(1)
    found = agreement(table)["pooled"]
    exam = table["subject"].map(EXAMS)
    kept = [[exam != name for name in sorted(set(EXAMS.values()))]]
    kept.append([table["structure"] != name for name in table["structure"].unique()])
    without = [[spearmanr(table.loc[k, ["x", "y"]]).statistic for k in each] for each in kept]
    variances = [(len(r) - 1) * np.var(np.arctanh(r)) for r in without]
    free = sum(variances) ** 2 / sum(
        v**2 / (len(k) - 1) for v, k in zip(variances, kept, strict=True)
    )
    reach = student.ppf(0.975, free) * np.sqrt(sum(variances))
    ends = np.tanh(np.arctanh(found.r) + np.array([-reach, reach]))
    assert found[2:] == pytest.approx(ends, rel=1e-9)


def test_a_monotone_relation_is_perfect_pooled() -> None:
    table = pairs(2, noise=0.0).assign(y=lambda t: np.exp(t["x"]))
    found = agreement(table)
    assert found["pooled"][1:] == pytest.approx((1, 1, 1))


def test_two_exams_have_no_interval() -> None:
    found = agreement(pairs(3), {"s0": "s0", "s1": "s1"})["pooled"]
    assert np.isfinite(found.r) and np.isnan([found.low, found.high]).all()


def test_what_does_not_vary_is_undefined() -> None:
    table = pairs(4).assign(x=1.0)
    found = agreement(table)["within_structure"]
    assert np.isnan([found.r, found.low, found.high]).all()
