"""Spread and mean of apparent changes, and whether the volumes agree."""

import numpy as np
import pandas as pd
import pytest

from stages.statistics.methods.bias import bias_table
from stages.statistics.methods.variability import cv_table
from stages.statistics.questions.deformation import COLUMNS, Sample, deformation

SUBJECTS = [f"s{s}" for s in range(4)]
STRUCTURES = ["a", "b", "c"]


def tables(noise: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return changes, volumes and reference: the volumes are what the changes say, and noise."""
    rng = np.random.default_rng(1)
    rows = []
    for structure in STRUCTURES:
        for subject in SUBJECTS:
            spread, mean = rng.uniform(0.5, 3), rng.uniform(-5, 5)
            for member in range(5):
                change = mean + spread * rng.normal()
                volume = 1000 * np.exp(change / 100) * (1 + noise * rng.normal())
                rows.append((subject, structure, "rim", member, change, volume))
    names = ["subject", "structure", "group", "member", "change", "volume_mm3"]
    both = pd.DataFrame(rows, columns=names)
    reference = both[["subject", "structure"]].drop_duplicates().assign(volume_mm3=1000.0)
    return both.drop(columns="volume_mm3"), both.drop(columns="change"), reference


def answer(changes: pd.DataFrame, volumes: pd.DataFrame, reference: pd.DataFrame):
    sample = Sample({name: name for name in SUBJECTS}, 50, 0.95)
    own = cv_table(volumes), bias_table(volumes, reference)
    return deformation(changes, *own, sample, np.random.default_rng(0))


def test_volumes_that_follow_the_deformations_agree_with_them() -> None:
    tree, pairs = answer(*tables())
    assert list(pairs) == COLUMNS
    # SD of a logarithm and CV, mean of a logarithm and bias, are the same to first order
    assert pairs["sd"].to_numpy() == pytest.approx(pairs["cv"].to_numpy(), rel=0.1)
    assert pairs["mean"].to_numpy() == pytest.approx(pairs["bias"].to_numpy(), abs=0.3)
    agreement = tree["rim"]["agreement"]
    for name in ("cv", "bias"):
        assert agreement[name]["pooled"]["r"] > 0.95
        assert agreement[name]["within_structure"]["r"] > 0.9
        assert agreement[name]["pooled"]["low"] <= 1


def test_numbers_are_those_of_pandas() -> None:
    changes, *others = tables()
    tree, pairs = answer(changes, *others)
    by_cell = changes.groupby(["structure", "subject"])["change"]
    assert tree["rim"]["sd"]["median"] == pytest.approx(by_cell.std().median())
    assert tree["rim"]["mean"]["b"] == pytest.approx(by_cell.mean()["b"].median())
    assert (pairs["n_members"] == 5).all()


def test_volumes_of_noise_alone_do_not_agree() -> None:
    changes, volumes, reference = tables(noise=0.3)
    assert answer(changes, volumes, reference)[0]["rim"]["agreement"]["cv"]["pooled"]["r"] < 0.7


def test_a_group_of_one_member_has_a_mean_only() -> None:
    changes, volumes, reference = tables()
    alone = changes[changes["member"] == 0].assign(group="zero_filled")
    tree, pairs = answer(pd.concat([changes, alone]), volumes, reference)
    assert set(tree["zero_filled"]) == {"mean", "undefined"}
    assert pairs.loc[pairs["group"] == "zero_filled", ["sd", "cv", "bias"]].isna().all(axis=None)


def test_undefined_changes_are_left_out_and_counted() -> None:
    changes, volumes, reference = tables()
    changes.loc[:3, "change"] = np.nan
    tree, pairs = answer(changes, volumes, reference)
    assert tree["rim"]["undefined"] == 4
    first = pairs.iloc[0]
    assert first["n_undefined"] == 4 and np.isnan(first["sd"]) and np.isfinite(first["mean"])
