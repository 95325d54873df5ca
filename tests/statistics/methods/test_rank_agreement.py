"""Rank agreement of two variables: scipy, repeated scans, and what is undefined."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from stages.statistics.methods.rank_agreement import draw_subjects, rank_agreement
from tests.statistics.questions.test_tasks import draws, pairs


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sets(st.integers(0, 29), max_size=12))
def test_coefficients_are_scipys(seed: int, missing: set[int]) -> None:
    table = pairs(seed)
    table.loc[list(missing), "y"] = np.nan
    found = rank_agreement(table, "x", table, "y", draws(5))
    known = table.dropna()
    assert found["pooled"].n == len(known)
    assert found["pooled"].r == pytest.approx(spearmanr(known["x"], known["y"]).statistic)
    centred = known[["x", "y"]] - known.groupby("structure")[["x", "y"]].transform("mean")
    # a structure's only scan is centred to rounding
    alone = known.groupby("structure")["x"].transform("size") == 1
    centred[alone] = 0.0
    expected = spearmanr(centred["x"], centred["y"]).statistic
    assert found["within_structure"].r == pytest.approx(expected)


def test_a_draw_is_the_table_with_scans_repeated() -> None:
    table, own = pairs(1), draws(30)
    found = rank_agreement(table, "x", table, "y", own)
    values = []
    for weights in own.weights:
        times = table["subject"].map(dict(zip(own.subjects, weights, strict=True)))
        repeated = table.loc[table.index.repeat(times)]
        values.append(spearmanr(repeated["x"], repeated["y"]).statistic)
    assert min(values) <= found["pooled"].low <= found["pooled"].high <= max(values)
    # exams come whole
    assert (own.weights[:, 0] == own.weights[:, 1]).all()
    assert own.n_clusters == 5


def test_a_monotone_relation_is_perfect_pooled() -> None:
    table = pairs(2, noise=0.0).assign(y=lambda t: np.exp(t["x"]))
    found = rank_agreement(table, "x", table, "y", draws())
    assert found["pooled"][1:] == pytest.approx((1, 1, 1))


def test_two_exams_have_no_interval() -> None:
    few = draw_subjects({"s0": "s0", "s1": "s1"}, 50, 0.95, np.random.default_rng(0))
    found = rank_agreement(pairs(3), "x", pairs(3), "y", few)["pooled"]
    assert np.isfinite(found.r) and np.isnan([found.low, found.high]).all()


def test_what_does_not_vary_is_undefined() -> None:
    table = pairs(4).assign(x=1.0)
    found = rank_agreement(table, "x", table, "y", draws())["within_structure"]
    assert np.isnan([found.r, found.low, found.high]).all()
