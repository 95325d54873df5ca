"""Variance components against hand calculation, statsmodels, loops and simulated cohorts."""

import json

import numpy as np
import pandas as pd
import pytest

from stages.statistics.methods.variance_components import (
    combine,
    components,
)
from stages.statistics.questions.components import COLUMNS, decompose
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


def variances(table: pd.DataFrame) -> dict[str, float]:
    return dict(zip(table["component"], table["variance"], strict=True))


def test_decompose_without_draws_says_that_the_interaction_includes_the_segmentation():
    tree, table = decompose(tidy(np.exp(ORACLE / 100)))
    assert list(table.columns) == COLUMNS
    expected = {"subject": 110e-4, "member": 6e-4, "interaction": 1e-4}
    assert variances(table) == pytest.approx(expected)
    assert table["cv_percent"].to_numpy() == pytest.approx(100 * np.sqrt(table["variance"]))
    assert table["fraction"].to_numpy() == pytest.approx([np.nan, 600 / 7, 100 / 7], nan_ok=True)
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


def test_undefined_volumes_are_left_out_and_counted():
    values = np.exp(np.random.default_rng(8).normal(8, 0.1, (5, 4)))
    values[2, 1] = 0
    one_member = tidy(values[:, :1], "zero_filled")
    table = pd.concat([tidy(values), tidy(0 * values, structure="csf"), one_member])
    tree, rows = decompose(table)
    kept = np.log(np.delete(values, 1, axis=1))
    by_scan = np.log(np.delete(values, 2, axis=0))
    found = variances(rows[rows["group"] == "unet"])
    assert found in (pytest.approx(components(kept)), pytest.approx(components(by_scan)))
    assert tree["unet"]["n"]["structures"] == 1
    assert tree["unet"]["n"]["structures_undefined"] == 1
    assert tree["unet"]["n"]["pairs_excluded"] == 20 + (20 - by_scan.size)
    assert tree["zero_filled"]["n"]["structures_undefined"] == 1
    json.dumps(tree, allow_nan=False)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1), (2, 2)])
def test_tiny_sizes_give_numbers_or_gaps(shape):
    values = np.exp(np.random.default_rng(9).normal(8, 0.1, shape))
    tree, table = decompose(tidy(values), tidy_draws(np.stack([values, values * 1.01], axis=-1)))
    json.dumps(tree, allow_nan=False)
    assert len(table) == (4 if min(shape) > 1 else 0)
    constant, rows = decompose(tidy(np.ones(shape)))
    json.dumps(constant, allow_nan=False)
    assert rows["fraction"].isna().all()


def test_volumes_listed_twice_are_refused_by_name():
    volumes = tidy(np.exp(ORACLE / 100))
    twice = pd.concat([volumes, volumes.iloc[[4]]])
    with pytest.raises(StudyError, match="volumes: expected one row.*sub-1, member 1"):
        decompose(twice)
    with pytest.raises(StudyError, match="draws: expected one row"):
        decompose(volumes, twice.assign(draw=0))
