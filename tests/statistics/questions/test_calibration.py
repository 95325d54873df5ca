"""Calibration of ensembles against hand calculations, plain loops and ensembles of known spread."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.statistics.methods.member_medians import draw
from stages.statistics.questions.calibration import (
    COLUMNS,
    centred_spread_skill,
    crps,
    fair_crps,
    rank_histogram,
    spread_skill,
)
from stages.statistics.questions.calibration import calibrate as calibrated

members = arrays(np.float64, st.integers(2, 12), elements=st.floats(1, 1e4))


def calibrate(volumes, target):
    """Return the calibration with few draws of subjects, each scan one of its own."""
    scans = {str(name): str(name) for name in sorted(set(volumes["subject"]))}
    return calibrated(volumes, target, draw(scans, 20, np.random.default_rng(0)), 0.95)


def cohort(
    n_members: int = 8, n_scans: int = 40, spread: float = 1.0, shift: float = 0.0, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return members of `spread` times their error, and the volumes they try to predict."""
    rng = np.random.default_rng(seed)
    shape = (n_scans, 10)
    known = rng.uniform(500, 5000, shape)
    centre = known * (1 + 0.02 * rng.normal(size=shape) + shift)
    values = centre + 0.02 * spread * known * rng.normal(size=(n_members, *shape))
    rows = [
        ("unet", m, f"s{i}", f"k{k}", values[m, i, k])
        for m in range(n_members)
        for i in range(n_scans)
        for k in range(10)
    ]
    pairs = [(f"s{i}", f"k{k}", known[i, k]) for i in range(n_scans) for k in range(10)]
    columns = ["group", "member", "subject", "structure", "volume_mm3"]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(pairs, columns=columns[2:])


def test_crps_by_hand():
    assert crps(np.array([1.0, 2.0, 4.0]), np.array(3.0)) == pytest.approx(2 / 3)
    assert fair_crps(np.array([1.0, 2.0, 4.0]), np.array(3.0)) == pytest.approx(4 / 3 - 12 / 12)


@given(members, st.floats(1, 1e4))
def test_crps_is_the_double_sum(x, y):
    pairs = sum(abs(a - b) for a in x for b in x)
    distance = sum(abs(a - y) for a in x) / len(x)
    n = len(x)
    assert crps(x, np.array(y)) == pytest.approx(distance - pairs / (2 * n * n), abs=1e-6)
    assert fair_crps(x, np.array(y)) == pytest.approx(
        distance - pairs / (2 * n * (n - 1)), abs=1e-6
    )


@given(members, st.floats(1, 1e4))
def test_crps_is_the_integral_of_the_squared_difference_of_the_distributions(x, y):
    edges = np.sort([*x, y])
    at = edges[:-1, None]
    steps = (np.mean(x <= at, axis=1) - (y <= at[:, 0])) ** 2
    assert crps(x, np.array(y)) == pytest.approx(np.sum(steps * np.diff(edges)), abs=1e-6)


def test_fair_crps_does_not_depend_on_the_number_of_members():
    rng = np.random.default_rng(0)
    y = rng.normal(size=40_000)
    scores = [fair_crps(rng.normal(size=(40_000, m)), y).mean() for m in (2, 10)]
    # E|X - Y| - E|X - X'| / 2 = 1 / sqrt(pi) for standard normal draws
    assert scores == pytest.approx([1 / np.sqrt(np.pi)] * 2, abs=0.015)
    assert np.isnan(fair_crps(np.ones((3, 1)), np.ones(3))).all()


def test_ties_are_split_evenly():
    found = rank_histogram(np.array([0, 1]), np.array([2, 0]), 3)
    assert found == pytest.approx([1 / 6, 1 / 6 + 1 / 2, 1 / 6, 0])
    assert np.isnan(rank_histogram(np.array([]), np.array([]), 3)).all()


@given(st.integers(1, 10), st.data())
def test_ranks_sum_to_one(n_members, data):
    below = data.draw(st.lists(st.integers(0, n_members), min_size=1, max_size=6))
    equal = [data.draw(st.integers(0, n_members - b)) for b in below]
    assert rank_histogram(below, equal, n_members).sum() == pytest.approx(1)


def test_spread_skill_by_hand():
    ratio = spread_skill(np.array([3.0, 4.0]), np.array([5.0, 5.0]), 4)
    assert ratio == pytest.approx(np.sqrt(5 / 4) * np.sqrt(12.5) / 5)
    assert np.isnan(spread_skill(np.ones(3), np.zeros(3), 4))


def test_centred_spread_skill_by_hand():
    # one structure, two scans, two members: means 2 and 4, errors 1 and 3, interaction -+1/2
    ratios = 1 + np.array([[[1.0, 1.0], [2.0, 4.0]]])
    interaction = 4 * 0.25 / 1
    error = (1 - 2) ** 2 + (3 - 2) ** 2
    assert centred_spread_skill(ratios) == pytest.approx(np.sqrt(3 / 2 * interaction / error))
    assert np.isnan(centred_spread_skill(ratios[:, :1]))
    assert np.isnan(centred_spread_skill(ratios[:, :, :1]))
    assert np.isnan(centred_spread_skill(np.full((1, 3, 2), 1.1)))
    gap = np.concatenate([ratios, np.full((1, 2, 2), np.nan)])
    assert centred_spread_skill(gap) == pytest.approx(centred_spread_skill(ratios))


@pytest.mark.parametrize("shared", [0.0, 0.3, 0.65])
def test_offsets_that_members_have_on_all_scans_do_not_pass_for_spread(shared):
    # the target is off as one more member is on each scan: calibrated, whatever is shared
    rng = np.random.default_rng(0)
    shape = (60, 20, 4)
    offset = np.sqrt(shared) * rng.normal(size=(60, 1, 4))
    members = offset + np.sqrt(1 - shared) * rng.normal(size=shape)
    target = np.sqrt(1 - shared) * rng.normal(size=shape[:2])
    ratios = 1 + 0.01 * (members - target[..., None])
    assert centred_spread_skill(ratios) == pytest.approx(1, abs=0.05)


def exchangeable(n_members: int, spread: float, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return members and targets drawn around a common centre, the members `spread` times wider."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(500, 5000, 600)[:, None]
    draws = centre * (1 + 0.02 * rng.normal(size=(600, n_members + 1)) * [1, *[spread] * n_members])
    names = [(f"s{c // 10}", f"k{c % 10}") for c in range(600)]
    rows = [("a", m, *names[c], draws[c, m + 1]) for m in range(n_members) for c in range(600)]
    columns = ["group", "member", "subject", "structure", "volume_mm3"]
    target = pd.DataFrame([(*names[c], draws[c, 0]) for c in range(600)], columns=columns[2:])
    return pd.DataFrame(rows, columns=columns), target


@pytest.mark.parametrize(("spread", "expected"), [(1.0, 1.0), (0.5, 0.53), (2.0, 1.71)])
def test_spread_of_known_size_is_found(spread, expected):
    n = 7
    tree, table = calibrate(*exchangeable(n, spread))
    # error variance 1 + spread^2 / M, spread variance spread^2
    exact = np.sqrt((n + 1) / n) * spread / np.sqrt(1 + spread**2 / n)
    assert exact == pytest.approx(expected, abs=0.03)
    assert tree["a"]["spread_skill"]["value"] == pytest.approx(exact, rel=0.07)
    outside = tree["a"]["below_all"] + tree["a"]["above_all"]
    if spread == 1.0:
        assert outside == pytest.approx(tree["a"]["outside_expected"], abs=0.04)
        ranks = rank_histogram(table["below"], table["equal"], n)
        assert ranks == pytest.approx([1 / 8] * 8, abs=0.045)
    else:
        assert (outside > tree["a"]["outside_expected"]) == (spread < 1)


def test_a_shared_shift_is_only_in_the_plain_ratio():
    plain, shifted = (calibrate(*cohort(shift=s))[0]["unet"] for s in (0.0, 0.2))
    assert shifted["spread_skill"]["value"] < plain["spread_skill"]["value"] / 4
    centred = [tree["spread_skill_centred"]["value"] for tree in (shifted, plain)]
    assert centred[0] == pytest.approx(centred[1], rel=0.1)
    assert shifted["above_all"] == 0.0
    assert shifted["below_all"] > 0.9


def test_unit_and_order_of_the_rows_do_not_matter():
    volumes, target = cohort(4, 3)
    tree, _ = calibrate(volumes, target)
    litres = [t.assign(volume_mm3=t["volume_mm3"] / 1e6) for t in (volumes, target)]
    other, _ = calibrate(litres[0].sample(frac=1, random_state=0), litres[1])
    for name, leaf in tree["unet"].items():
        assert other["unet"][name] == pytest.approx(leaf)


def test_cells_without_member_or_target_are_left_out_and_counted():
    volumes, target = cohort(4, 3)
    volumes = volumes.drop(index=0)
    target.loc[5, "volume_mm3"] = 0.0
    alone = volumes[volumes["member"] == 1].assign(group="zero_filled")
    tree, table = calibrate(pd.concat([volumes, alone]), target.drop(index=7))
    assert list(table.columns) == COLUMNS
    assert (tree["unet"]["pairs"], tree["unet"]["excluded"]) == (27, 3)
    assert table[table["group"] == "unet"]["crps"].isna().sum() == 3
    counts = {"members": 1, "pairs": 0, "excluded": 30, "undefined": 14}
    empty = {key: {} for key in ("spread_skill", "spread_skill_centred", "outside")}
    assert tree["zero_filled"] == counts | empty
    json.dumps(tree, allow_nan=False)


@pytest.mark.parametrize("n_scans", [1, 2])
def test_two_members_and_few_scans(n_scans):
    tree, _ = calibrate(*cohort(2, n_scans))
    # fewer than three subjects have no interval; one scan has nothing to centre
    assert tree["unet"]["undefined"] == (7 if n_scans == 1 else 6)
    json.dumps(tree, allow_nan=False)


def test_identical_members_have_no_spread():
    volumes, target = cohort(3, 2, spread=0.0)
    tree, _ = calibrate(volumes, target)
    assert tree["unet"]["spread_skill"]["value"] == pytest.approx(0, abs=1e-9)
    assert tree["unet"]["crps"] == pytest.approx(tree["unet"]["absolute_error"])
    perfect, _ = calibrate(target.assign(group="a", member=0), target)
    assert perfect["a"]["pairs"] == 0
