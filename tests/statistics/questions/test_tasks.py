"""Rank agreement over pairs against scipy, and what it does without enough scans."""

import numpy as np
import pandas as pd
import pytest

from stages.statistics.questions.tasks import COLUMNS, predict_tasks, task_targets

STRUCTURES = [f"k{k}" for k in range(5)]
SUBJECTS = [f"s{s}" for s in range(6)]
EXAMS = dict(zip(SUBJECTS, ["a", "a", "b", "c", "d", "e"], strict=True))


def pairs(seed: int, noise: float = 1.0) -> pd.DataFrame:
    """Return pairs with a value of their own and one that follows it."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([STRUCTURES, SUBJECTS], names=["structure", "subject"])
    x = rng.normal(size=len(index)) + np.repeat(np.arange(5.0), 6)
    y = x + noise * rng.normal(size=len(index))
    return pd.DataFrame({"x": x, "y": y}, index=index).reset_index()


def test_every_predictor_is_in_the_table_and_headlines_in_the_tree() -> None:
    first = pairs(5)
    own = first.rename(columns={"y": "value"}).assign(group="g", target="dice_loss")
    as_predictor = first.rename(columns={"x": "value"}).assign(group="g", kind="A")
    names = ("std_mean", "other")
    predictors = pd.concat([as_predictor.assign(surrogate=name) for name in names])
    tree, table = predict_tasks(predictors, own, EXAMS, 0.95)
    assert list(table) == COLUMNS
    assert len(table) == 4
    assert set(tree["g"]) == {"dice_loss", "undefined"}
    assert set(tree["g"]["dice_loss"]) == {"std_mean"}
    row = table[(table["predictor"] == "std_mean") & (table["scope"] == "pooled")].iloc[0]
    assert tree["g"]["dice_loss"]["std_mean"]["pooled"]["r"] == row["value"]
    assert row["low"] < row["value"] < row["high"]
    again = predict_tasks(predictors, own, EXAMS, 0.95)[1]
    assert again.equals(table)


def test_targets_are_losses_against_the_reference_alone() -> None:
    pair = {"group": "g", "subject": "s", "structure": "k"}
    rows = [pair | {"target": t, "dice": d} for t, d in (("reference", 0.9), ("truth", 0.7))]
    overlap = pd.DataFrame(rows).assign(surface_distance_mm=0.5)
    found = task_targets(overlap, pd.DataFrame([pair | {"sd": 1.5}]))
    values = found.set_index("target")["value"].to_dict()
    assert values == pytest.approx(
        {"dice_loss": 0.1, "surface_distance": 0.5, "deformation_sd": 1.5}
    )
