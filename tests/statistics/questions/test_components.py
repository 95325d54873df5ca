"""Variance components against hand calculation, statsmodels, loops and simulated cohorts."""

import json

import numpy as np
import pandas as pd
import pytest

from stages.statistics.methods.variance_components import (
    combine,
    components,
)
from stages.statistics.questions.components import COLUMNS, Intervals
from stages.statistics.questions.components import decompose as answer
from stages.study.errors import StudyError

ORACLE = np.array([[10.0, 12.0, 14.0], [20.0, 22.0, 24.0], [30.0, 32.0, 37.0]])


def cohort(
    generator: np.random.Generator, shape: tuple[int, ...], deviations: tuple[float, ...]
) -> np.ndarray:
    """Return ln V of scans, members and draws with known standard deviations of the four parts."""
    n_subjects, n_members, n_draws = shape
    subject, member, interaction, segmentation = deviations
    return (
        8.0
        + generator.normal(0, subject, (n_subjects, 1, 1))
        + generator.normal(0, member, (1, n_members, 1))
        + generator.normal(0, interaction, (n_subjects, n_members, 1))
        + generator.normal(0, segmentation, (n_subjects, n_members, n_draws))
    )


def tidy(values: np.ndarray, group: str = "unet", structure: str = "hippocampus") -> pd.DataFrame:
    """Return volumes of (n_subjects, n_members) as a tidy table."""
    rows = [
        (group, m, f"sub-{s}", structure, volume)
        for s, row in enumerate(values)
        for m, volume in enumerate(row)
    ]
    return pd.DataFrame(rows, columns=["group", "member", "subject", "structure", "volume_mm3"])


def tidy_draws(values: np.ndarray) -> pd.DataFrame:
    """Return draws of (n_subjects, n_members, n_draws) as a tidy table."""
    parts = [tidy(values[..., r]).assign(draw=r) for r in range(values.shape[-1])]
    return pd.concat(parts, ignore_index=True)


def decompose(*tables: pd.DataFrame) -> tuple[dict, pd.DataFrame]:
    """Return the metrics and the table of components."""
    found = answer(*tables)
    return found.metrics, found.tables["components"]


def variances(table: pd.DataFrame) -> dict[str, float]:
    parts = table[table["component"] != "total"]
    return dict(zip(parts["component"], parts["variance"], strict=True))


def test_decompose_without_draws_says_that_the_interaction_includes_the_segmentation():
    tree, table = decompose(tidy(np.exp(ORACLE / 100)))
    assert list(table.columns) == COLUMNS
    expected = {"subject": 110e-4, "member": 6e-4, "interaction": 1e-4}
    assert variances(table) == pytest.approx(expected)
    assert table["cv_percent"].to_numpy() == pytest.approx(100 * np.sqrt(table["variance"]))
    fractions = [np.nan, 600 / 7, 100 / 7, 100]
    assert table["fraction"].to_numpy() == pytest.approx(fractions, nan_ok=True)
    assert tree["unet"]["fraction"] == pytest.approx({"member": 600 / 7, "interaction": 100 / 7})
    assert tree["unet"]["icc"] == pytest.approx(0.940171, abs=1e-6)
    assert tree["unet"]["interaction_includes_segmentation"] == 1


def test_decompose_with_draws_tells_the_segmentation_apart():
    log_draws = cohort(np.random.default_rng(7), (6, 5, 3), (0.1, 0.02, 0.02, 0.01))
    volumes, draws = tidy(np.exp(log_draws[..., 0])), tidy_draws(np.exp(log_draws))
    tree, table = decompose(volumes, draws.sample(frac=1, random_state=0))
    values, segmentation = combine(log_draws[..., 0], log_draws)
    assert variances(table) == pytest.approx(components(values, segmentation))
    assert sum(tree["unet"]["fraction"].values()) == pytest.approx(100)
    assert set(tree["unet"]["fraction"]) == {"member", "interaction", "segmentation"}
    assert tree["unet"]["interaction_includes_segmentation"] == 0


def test_a_draw_alone_or_of_another_scan_tells_nothing():
    volumes = tidy(np.exp(ORACLE / 100))
    draws = volumes.assign(draw=0)
    for useless in (
        draws,
        draws.assign(subject="other-" + draws["subject"]),
        draws.assign(group="rim"),
    ):
        tree, table = decompose(volumes, useless)
        assert tree == decompose(volumes)[0]
        assert "segmentation" not in set(table["component"])


def test_a_pair_without_volume_costs_that_pair_alone():
    log_volumes = cohort(np.random.default_rng(8), (8, 4, 1), (0.1, 0.02, 0.02, 0))[..., 0]
    values = np.exp(log_volumes)
    values[[1, 3, 6], [0, 2, 3]] = 0
    table = pd.concat([tidy(values), tidy(0 * values, structure="csf")])
    table = pd.concat([table, tidy(values[:, :1], "zero_filled")])
    tree, rows = decompose(table)
    log_volumes[values == 0] = np.nan
    assert variances(rows[rows["group"] == "unet"]) == pytest.approx(components(log_volumes))
    assert set(rows["n_scans"]) == {8}
    assert tree["unet"]["n"]["structures"] == 1
    assert tree["unet"]["n"]["structures_undefined"] == 1
    assert tree["unet"]["n"]["pairs_excluded"] == 32 + 3
    assert tree["zero_filled"]["n"]["structures_undefined"] == 1
    json.dumps(tree, allow_nan=False)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1), (2, 2)])
def test_tiny_sizes_give_numbers_or_gaps(shape):
    values = np.exp(np.random.default_rng(9).normal(8, 0.1, shape))
    tree, table = decompose(tidy(values), tidy_draws(np.stack([values, values * 1.01], axis=-1)))
    json.dumps(tree, allow_nan=False)
    assert len(table) == (5 if min(shape) > 1 else 0)
    constant, rows = decompose(tidy(np.ones(shape)))
    json.dumps(constant, allow_nan=False)
    assert rows["fraction"].isna().all()


def test_intervals_hold_the_estimates_and_say_nothing_less_with_more_scans():
    true = (0.10, 0.03, 0.02, 0)
    widths = []
    for n_scans in (6, 60):
        values = cohort(np.random.default_rng(3), (n_scans, 12, 1), true)[..., 0]
        tree, table = decompose(tidy(np.exp(values)))
        for name in ("cv", "fraction"):
            point = table["cv_percent" if name == "cv" else name]
            known = point.notna()
            assert (table[f"{name}_low"] <= point + 1e-9)[known].all()
            assert (table[f"{name}_high"] >= point - 1e-9)[known].all()
        interaction = table.set_index("component").loc["interaction"]
        widths.append(interaction["cv_high"] - interaction["cv_low"])
        offset = tree["unet"]["member_offset_fraction"]
        assert offset["low"] < offset["value"] < offset["high"]
    assert widths[1] < widths[0] / 2
    assert tree["unet"]["intervals"]["icc"]["low"] < tree["unet"]["icc"]


def test_scans_of_one_subject_leave_the_icc_less_certain():
    values = cohort(np.random.default_rng(5), (8, 4, 1), (0.1, 0.02, 0.02, 0))[..., 0]
    of_four = {f"sub-{s}": f"person-{s // 2}" for s in range(8)}
    known = [
        answer(tidy(np.exp(values)), None, Intervals(subject_of=of)).tables["icc"].iloc[0]
        for of in (None, of_four)
    ]
    assert [each["n_subjects"] for each in known] == [8, 4]
    assert known[1]["icc"] == known[0]["icc"]
    assert known[1]["low"] < known[0]["low"]


def test_a_member_that_adds_nothing_still_has_an_upper_limit():
    generator = np.random.default_rng(0)
    values = np.log(1000) + 0.02 * generator.normal(size=(6, 5))
    values -= 0.8 * values.mean(axis=0)
    _, table = decompose(tidy(np.exp(values)))
    member = table.set_index("component").loc["member"]
    assert member["cv_percent"] == member["cv_low"] == 0
    assert member["cv_high"] > 0
    assert 0 < member["fraction_high"] < 100


def test_volumes_listed_twice_are_refused_by_name():
    volumes = tidy(np.exp(ORACLE / 100))
    twice = pd.concat([volumes, volumes.iloc[[4]]])
    with pytest.raises(StudyError, match="volumes: expected one row.*sub-1, member 1"):
        decompose(twice)
    with pytest.raises(StudyError, match="draws: expected one row"):
        decompose(volumes, twice.assign(draw=0))
