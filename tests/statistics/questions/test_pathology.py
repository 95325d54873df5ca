"""Matched phantoms: the true change, and how much of it an ensemble shows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.statistics.questions.pathology import (
    COLUMNS,
    VOXEL_COLUMNS,
    Voxels,
    auroc,
    change_percent,
    reach,
    rms,
    slope,
    summarise,
    volume_pairs,
    voxel_row,
)

FINITE = st.floats(-100, 100).map(lambda x: round(x, 3))
SAMPLE = arrays(np.float64, st.integers(1, 12), elements=FINITE)
HEAD, ILL, SORE = "sub-headV001", "sub-headV001atrophy", "sub-headV001lesions"


def test_reach_is_that_of_the_table_of_t() -> None:
    # t_{0.975, 3} = 3.18245 and t_{0.975, 1} = 12.7062, from printed tables
    assert reach(np.array(2.0), 4, 0.95) == pytest.approx(2 * 3.18245 * np.sqrt(1.25), rel=1e-5)
    assert reach(np.array(1.0), 2, 0.95) == pytest.approx(12.7062 * np.sqrt(1.5), rel=1e-5)
    assert np.isnan(reach(np.ones(2), 1, 0.95)).all()


def test_one_more_member_lies_within_reach_as_often_as_said() -> None:
    draws = np.random.default_rng(0).standard_normal((20_000, 5))
    mean, spread = draws[:, :4].mean(axis=1), draws[:, :4].std(axis=1, ddof=1)
    assert np.mean(np.abs(draws[:, 4] - mean) <= reach(spread, 4, 0.8)) == pytest.approx(
        0.8, abs=0.01
    )


@given(true=SAMPLE, share=st.floats(-2, 2))
def test_slope_of_a_shrunk_change_is_its_share(true: np.ndarray, share: float) -> None:
    if np.any(true != 0):
        assert slope(share * true, true) == pytest.approx(share, abs=1e-9)
    else:
        assert np.isnan(slope(share * true, true))


def test_slope_by_hand() -> None:
    assert slope(np.array([-10.0, 30.0]), np.array([-20.0, 40.0])) == pytest.approx(1400 / 2000)


@given(a=SAMPLE, b=SAMPLE)
def test_auroc_counts_pairs(a: np.ndarray, b: np.ndarray) -> None:
    pairs = [(x > y) + 0.5 * (x == y) for x in a for y in b]
    assert auroc(a, b) == pytest.approx(np.mean(pairs))
    assert auroc(a, b) + auroc(b, a) == pytest.approx(1)


def test_nothing_to_compare_is_undefined() -> None:
    assert np.isnan(auroc(np.empty(0), np.ones(2)))
    assert np.isnan(rms(np.empty(0)))
    assert np.isnan(change_percent(np.ones(1), np.zeros(1))).all()


def table(rows: dict[tuple[str, str], list[float]], group: str = "unet") -> pd.DataFrame:
    """Return tidy volumes; a list of members for each (structure, subject)."""
    return pd.DataFrame(
        [
            {"group": group, "member": m, "subject": s, "structure": k, "volume_mm3": v}
            for (k, s), values in rows.items()
            for m, v in enumerate(values)
        ]
    )


@pytest.fixture
def pairs() -> pd.DataFrame:
    """Three members: hippocampus shrinks by 20 % (10 % is measured), white matter has lesions."""
    measured = {
        ("hippocampus", HEAD): [98.0, 100.0, 102.0],
        ("hippocampus", ILL): [88.2, 90.0, 91.8],
        ("hippocampus", SORE): [98.0, 100.0, 102.0],
        ("white_matter", HEAD): [990.0, 1000.0, 1010.0],
        ("white_matter", ILL): [990.0, 1000.0, 1010.0],
        ("white_matter", SORE): [920.0, 950.0, 980.0],
    }
    true = {
        ("hippocampus", HEAD): [101.0],
        ("hippocampus", ILL): [80.8],
        ("hippocampus", SORE): [101.0],
        ("white_matter", HEAD): [1010.0],
        ("white_matter", ILL): [1010.0],
        ("white_matter", SORE): [1010.0],
    }
    both = pd.concat(
        [table(measured), table({k: v[1:2] for k, v in measured.items()}, "reference")]
    )
    return volume_pairs(both, table(true).drop(columns=["group", "member"]), 0.95)


def test_cells_by_hand(pairs: pd.DataFrame) -> None:
    assert list(pairs.columns) == COLUMNS
    rows = pairs[pairs["group"] == "unet"].set_index(["structure", "subject"])
    row = rows.loc[("hippocampus", ILL)]
    assert (row["kind"], row["head"], row["n_members"]) == ("atrophy", HEAD, 3)
    assert row["true_change"] == pytest.approx(-20)
    assert row["measured_change"] == pytest.approx(-10)
    assert row["change_sd"] == pytest.approx(0, abs=1e-9)
    assert row["change_in_interval"] == 0
    assert row["error"] == pytest.approx(100 * 9.2 / 80.8)
    assert row["cv_ratio"] == pytest.approx(1)
    assert row["error_ratio"] == pytest.approx(9.2 / 1)
    assert (row["in_range"], row["affected"]) == (0, 1)
    # |90 - 80.8| > t_{0.975, 2} * 1.8 * sqrt(4 / 3) = 4.30265 * 2.0785 = 8.943
    assert row["in_interval"] == 0
    healthy = rows.loc[("hippocampus", HEAD)]
    assert (healthy["in_range"], healthy["in_interval"], healthy["kind"]) == (1, 1, "healthy")
    assert np.isnan(
        healthy[["true_change", "affected", "cv_ratio", "error_ratio"]].astype(float)
    ).all()
    sore = rows.loc[("white_matter", SORE)]
    assert (sore["true_change"], sore["affected"]) == (0, 1)  # lesions are white matter
    assert sore["measured_change"] == pytest.approx(
        np.mean([920 / 990, 0.95, 980 / 1010]) * 100 - 100
    )
    assert sore["error_ratio"] == pytest.approx(60 / 10)
    assert sore["change_in_interval"] == 1  # -5 % from a spread of 2.0 %, reach 9.9 %
    assert rows.loc[("hippocampus", SORE)]["affected"] == 0


def test_the_reference_has_changes_but_no_spread(pairs: pd.DataFrame) -> None:
    row = pairs[pairs["group"] == "reference"].set_index(["structure", "subject"])
    row = row.loc[("hippocampus", ILL)]
    assert row["measured_change"] == pytest.approx(-10)
    assert row[["spread", "in_range", "in_interval", "cv_ratio", "change_sd"]].isna().all()


def test_summary_by_hand(pairs: pd.DataFrame) -> None:
    tree = summarise(pairs, pd.DataFrame(columns=["group", "kind", *VOXEL_COLUMNS]), "reference")
    assert set(tree["unet"]) == {"healthy", "atrophy", "lesions"}
    change = tree["unet"]["atrophy"]["change"]
    assert change["slope"] == pytest.approx(0.5)
    assert change["lost"] == pytest.approx(10)
    assert change["shown"] == {"hippocampus": pytest.approx(0.5)}
    assert change["spurious"] == pytest.approx(0)
    assert change["in_interval"] == 0
    assert change["spread_skill"] == pytest.approx(0, abs=1e-9)
    assert change["error_ratio"] == pytest.approx(9.2)
    assert tree["unet"]["atrophy"]["volumes"]["pairs"] == 2
    assert tree["unet"]["atrophy"]["volumes"]["in_range"] == pytest.approx(0.5)
    assert tree["unet"]["lesions"]["change"]["cv_ratio"] == pytest.approx((30 / 950) / 0.01)
    assert np.isnan(tree["unet"]["lesions"]["change"]["slope"])
    assert tree["reference"]["atrophy"]["change"]["slope"] == pytest.approx(0.5)
    assert "healthy" not in tree["reference"]
    assert "volumes" not in tree["reference"]["atrophy"]


def scene(shown: float, seed: int = 0, n_voxels: int = 400) -> tuple[Voxels, Voxels, np.ndarray]:
    """Return a pair: its first hundred voxels darken by 0.3, of which a fraction is shown."""
    rng = np.random.default_rng(seed)
    affected = np.arange(n_voxels) < 100
    plain = 1 + 0.05 * rng.standard_normal(n_voxels)
    offset, std = 0.02 * rng.standard_normal(n_voxels), rng.uniform(0.01, 0.03, n_voxels)
    healthy = Voxels(plain, plain + offset, std)
    diseased = Voxels(plain - 0.3 * affected, plain + offset - 0.3 * shown * affected, std)
    return diseased, healthy, affected


@pytest.mark.parametrize("shown", [0.0, 0.6, 1.0])
def test_the_share_of_a_change_that_is_shown(shown: float) -> None:
    diseased, healthy, affected = scene(shown)
    row = voxel_row(diseased, healthy, affected, ~affected, 4)
    assert list(row) == VOXEL_COLUMNS
    assert row["change_shown"] == pytest.approx(shown)
    assert row["std_ratio"] == pytest.approx(1)
    residue = np.sqrt(np.mean((diseased.mean - diseased.reference)[affected] ** 2))
    assert row["error"] == pytest.approx(residue)
    assert (row["error_ratio"] > 3) == (shown < 1)
    if shown == 1:
        assert row["error_ratio"] == pytest.approx(1)
        assert row["spread_skill"] == pytest.approx(row["spread_skill_healthy"])


def test_deviation_that_marks_the_lesion_is_seen() -> None:
    diseased, healthy, affected = scene(0.5)
    marked = Voxels(diseased.reference, diseased.mean, np.where(affected, 0.2, diseased.std))
    row = voxel_row(marked, healthy, affected, ~affected, 4)
    assert row["auroc"] == 1
    assert row["std_ratio"] > 5
    assert row["n_voxels"] == 100


def test_an_empty_region_is_undefined_but_no_error() -> None:
    diseased, healthy, affected = scene(0.5)
    row = voxel_row(diseased, healthy, affected & False, ~affected, 4)
    assert row["n_voxels"] == 0
    assert all(np.isnan(value) for name, value in row.items() if name != "n_voxels")
