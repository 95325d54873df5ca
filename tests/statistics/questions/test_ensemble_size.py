"""Smaller ensembles against plain loops and against members of known variation."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.statistics.methods.member_medians import draw
from stages.statistics.methods.variability import c4
from stages.statistics.questions.ensemble_size import (
    COLUMNS,
    TARGETS,
    ensemble_size,
    members_needed,
    normal_factor,
    relative_error,
    subset_cv,
    subsets,
)


def tidy(values: np.ndarray, group: str = "unet") -> pd.DataFrame:
    """Return a table of (n_members, n_scans, n_structures) volumes."""
    rows = [(group, m, f"s{i}", f"k{k}", v) for (m, i, k), v in np.ndenumerate(values)]
    return pd.DataFrame(rows, columns=["group", "member", "subject", "structure", "volume_mm3"])


def normal(n_members: int, n_scans: int = 20, n_structures: int = 16, seed: int = 0) -> np.ndarray:
    """Return volumes whose coefficient of variation is 2 %."""
    draws = np.random.default_rng(seed).normal(size=(n_members, n_scans, n_structures))
    return 1000 * (1 + 0.02 * draws)


def run(table: pd.DataFrame, n_subsets: int = 300) -> tuple[dict, pd.DataFrame]:
    """Call the entry; every scan is of another subject."""
    scans = {str(name): str(name) for name in sorted(set(table["subject"]))}
    draws = draw(scans, 50, np.random.default_rng(0))
    return ensemble_size(table, n_subsets, draws, 0.95)


def test_members_needed_by_theory():
    # 23 members give 15.2 %, 51 give 10.02 %
    assert [members_needed(target) for target in TARGETS] == [14, 24, 52]
    assert [relative_error(m) for m in (23, 24)] == pytest.approx([0.1515, 0.1483], abs=1e-3)
    assert relative_error(11) == pytest.approx(np.sqrt(1 - c4(11) ** 2) / c4(11))
    assert members_needed(0.2, ratio=2.0) == 52
    assert members_needed(5.0) == 2
    assert np.isnan(members_needed(0.2, np.nan))


@given(st.integers(2, 9), st.data())
def test_subsets_have_their_size(n_members, data):
    size = data.draw(st.integers(2, n_members))
    inside = subsets(n_members, size, 30, np.random.default_rng(0))
    assert (inside.sum(axis=1) == size).all()
    whole = len(list(combinations(range(n_members), size)))
    assert len(inside) == min(whole, 30)
    if whole <= 30:
        assert len({tuple(row) for row in inside}) == whole


def test_members_enter_random_subsets_equally_often():
    inside = subsets(15, 5, 3000, np.random.default_rng(0))
    assert inside.mean(axis=0) == pytest.approx([1 / 3] * 15, abs=0.04)


@pytest.mark.parametrize("size", [2, 3, 6])
def test_subset_cv_is_the_plain_loop(size):
    volumes = np.random.default_rng(0).uniform(1, 1e5, (4, 6))
    found = subset_cv(volumes, subsets(6, size, 100, np.random.default_rng(0)))
    for column, chosen in enumerate(combinations(range(6), size)):
        part = volumes[:, chosen]
        expected = 100 * part.std(axis=1, ddof=1) / part.mean(axis=1)
        assert found[:, column] == pytest.approx(expected, rel=1e-9)


def test_the_subsets_of_one_ensemble_show_a_known_part_of_the_variance():
    """Var over subsets of s^2 at m = Var(m) - Var(M): exact for a U-statistic."""
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(3000, 8))
    inside = subsets(8, 4, 100, rng).astype(float).T
    variance = (draws**2 @ inside - (draws @ inside) ** 2 / 4) / 3
    assert variance.var(axis=1).mean() == pytest.approx(2 / 3 - 2 / 7, rel=0.07)
    # of the standard deviation itself, to the same order
    exact = normal_factor(4, 8, 100) * relative_error(4)
    assert exact == pytest.approx(np.sqrt((2 / 3 - 2 / 7) / 4), rel=0.07)


@pytest.mark.parametrize("n_members", [4, 12])
def test_the_ratio_of_normal_members_is_one(n_members):
    tree, _ = run(tidy(normal(n_members, 60, 40)), 200)
    ratio = tree["unet"]["ratio"]
    assert ratio["value"] == pytest.approx(1, abs=0.03)
    assert ratio["low"] < 1 < ratio["high"]


def test_normal_members_follow_the_theory():
    tree, table = run(tidy(normal(15)))
    assert tree["unet"]["ratio"]["value"] == pytest.approx(1, abs=0.08)
    assert tree["unet"]["cv_c4"] == pytest.approx(2, abs=0.08)
    middle = table[table["n_members"].between(4, 12)]
    assert (middle["se"] / middle["theory"]).to_numpy() == pytest.approx(1, abs=0.12)
    # without the correction the standard error of large subsets is far too small
    assert table["se_subsets"].iloc[-2] < 0.4 * table["theory"].iloc[-2]
    assert tree["unet"]["needed"]["observed"]["20_percent"]["value"] == pytest.approx(14, abs=3)


def test_heavy_tails_need_more_members():
    rng = np.random.default_rng(0)
    values = 1000 * (
        1 + 0.005 * np.exp(rng.normal(size=(15, 20, 16))) * rng.normal(size=(15, 20, 16))
    )
    tree, _ = run(tidy(values))
    assert tree["unet"]["ratio"]["value"] > 1.3
    needed = tree["unet"]["needed"]
    assert all(needed["observed"][k]["value"] > needed["theory"][k] for k in needed["theory"])


def test_the_whole_ensemble_is_the_last_row():
    values = normal(6, 3, 4)
    tree, table = run(tidy(values))
    cv = 100 * values.std(axis=0, ddof=1) / values.mean(axis=0)
    assert list(table.columns) == COLUMNS
    assert table["n_members"].tolist() == [2, 3, 4, 5, 6]
    assert table["n_subsets"].tolist() == [15, 20, 15, 6, 1]
    assert table["cv"].iloc[-1] == pytest.approx(np.median(cv))
    assert tree["unet"]["cv"] == pytest.approx(np.median(cv))
    assert table["cv_low"].iloc[-1] == table["cv_high"].iloc[-1]


def test_same_seed_same_answer_whatever_the_order_of_the_rows():
    table = tidy(normal(8, 2, 3))
    first, second = (run(t, 20)[1] for t in (table, table.sample(frac=1, random_state=3)))
    pd.testing.assert_frame_equal(first, second)


def test_gaps_are_left_out_and_counted():
    table = tidy(normal(4, 2, 3)).drop(index=0)
    table.loc[(table["structure"] == "k2") & (table["subject"] == "s1"), "volume_mm3"] = 0.0
    lonely = tidy(normal(1, 2, 3), "zero_filled")
    same = tidy(np.full((3, 2, 3), 1234.567), "same")
    tree, rows = run(pd.concat([table, lonely, same]))
    assert (tree["unet"]["pairs"], tree["unet"]["excluded"]) == (4, 2)
    assert tree["zero_filled"]["undefined"] == 15
    assert tree["same"]["cv"] == pytest.approx(0, abs=1e-9)
    assert tree["same"]["needed"]["observed"] == {f"{t}_percent": {} for t in (20, 15, 10)}
    assert set(rows["group"]) == {"unet", "same"}
    json.dumps(tree, allow_nan=False)


def test_a_subset_without_any_volume_leaves_its_cell_out():
    values = np.zeros((4, 1, 2))
    values[3, 0, 0] = 5.0
    values[:, 0, 1] = [100, 101, 99, 102]
    tree, table = run(tidy(values))
    assert tree["unet"]["excluded"] == 0
    assert table["cv"].max() < 101
    json.dumps(tree, allow_nan=False)


def test_two_members_and_two_scans():
    tree, table = run(tidy(normal(2, 2, 1)))
    assert len(table) == 1
    assert tree["unet"]["undefined"] == 12
    assert tree["unet"]["relative_se"] == pytest.approx(75.55, abs=0.01)
