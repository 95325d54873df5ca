"""Rank agreement over cells against scipy, and what it does without enough scans."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from stages.statistics.methods.rank_agreement import draw_exams, rank_agreement
from stages.statistics.questions.tasks import COLUMNS, predict_tasks, task_targets

STRUCTURES = [f"k{k}" for k in range(5)]
SUBJECTS = [f"s{s}" for s in range(6)]
EXAMS = dict(zip(SUBJECTS, ["a", "a", "b", "c", "d", "e"], strict=True))


def cells(seed: int, noise: float = 1.0) -> pd.DataFrame:
    """Return cells with a value of their own and one that follows it."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([STRUCTURES, SUBJECTS], names=["structure", "subject"])
    x = rng.normal(size=len(index)) + np.repeat(np.arange(5.0), 6)
    y = x + noise * rng.normal(size=len(index))
    return pd.DataFrame({"x": x, "y": y}, index=index).reset_index()


def draws(n: int = 200):
    return draw_exams(EXAMS, n, 0.95, np.random.default_rng(0))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sets(st.integers(0, 29), max_size=12))
def test_coefficients_are_scipys(seed: int, missing: set[int]) -> None:
    table = cells(seed)
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
    table, own = cells(1), draws(30)
    found = rank_agreement(table, "x", table, "y", own)
    values = []
    for weights in own.weights:
        times = table["subject"].map(dict(zip(own.subjects, weights, strict=True)))
        repeated = table.loc[table.index.repeat(times)]
        values.append(spearmanr(repeated["x"], repeated["y"]).statistic)
    assert min(values) <= found["pooled"].low <= found["pooled"].high <= max(values)
    # exams come whole
    assert (own.weights[:, 0] == own.weights[:, 1]).all()
    assert own.n_exams == 5


def test_a_monotone_relation_is_perfect_pooled() -> None:
    table = cells(2, noise=0.0).assign(y=lambda t: np.exp(t["x"]))
    found = rank_agreement(table, "x", table, "y", draws())
    assert found["pooled"][1:] == pytest.approx((1, 1, 1))


def test_two_exams_have_no_interval() -> None:
    few = draw_exams({"s0": "s0", "s1": "s1"}, 50, 0.95, np.random.default_rng(0))
    found = rank_agreement(cells(3), "x", cells(3), "y", few)["pooled"]
    assert np.isfinite(found.r) and np.isnan([found.low, found.high]).all()


def test_what_does_not_vary_is_undefined() -> None:
    table = cells(4).assign(x=1.0)
    found = rank_agreement(table, "x", table, "y", draws())["within_structure"]
    assert np.isnan([found.r, found.low, found.high]).all()


def test_every_predictor_is_in_the_table_and_headlines_in_the_tree() -> None:
    first = cells(5)
    own = first.rename(columns={"y": "value"}).assign(group="g", target="dice_loss")
    as_predictor = first.rename(columns={"x": "value"}).assign(group="g", kind="A")
    names = ("std_mean", "other")
    predictors = pd.concat([as_predictor.assign(surrogate=name) for name in names])
    tree, table = predict_tasks(predictors, own, draws())
    assert list(table) == COLUMNS
    assert len(table) == 4
    assert set(tree["g"]) == {"dice_loss", "undefined"}
    assert set(tree["g"]["dice_loss"]) == {"std_mean"}
    row = table[(table["predictor"] == "std_mean") & (table["scope"] == "pooled")].iloc[0]
    assert tree["g"]["dice_loss"]["std_mean"]["pooled"]["r"] == row["value"]
    assert row["low"] < row["value"] < row["high"]
    again = predict_tasks(predictors, own, draws())[1]
    assert again.equals(table)


def test_targets_are_losses_against_the_reference_alone() -> None:
    cell = {"group": "g", "subject": "s", "structure": "k"}
    rows = [cell | {"target": t, "dice": d} for t, d in (("reference", 0.9), ("truth", 0.7))]
    overlap = pd.DataFrame(rows).assign(surface_distance_mm=0.5)
    found = task_targets(overlap, pd.DataFrame([cell | {"sd": 1.5}]))
    values = found.set_index("target")["value"].to_dict()
    assert values == pytest.approx(
        {"dice_loss": 0.1, "surface_distance": 0.5, "deformation_sd": 1.5}
    )
