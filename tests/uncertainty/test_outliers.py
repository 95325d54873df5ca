"""Members that stand apart: hand calculations, scipy, and runs made to fail."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from stages.uncertainty.outliers import COLUMNS, outliers, robust_z, volume_deviation, without

THRESHOLD = 4.0


def study(
    n_members: int = 11, n_scans: int = 4, seed: int = 0, group: str = "varnet"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return quality and volumes of an ordinary ensemble."""
    rng = np.random.default_rng(seed)
    quality, volumes = [], []
    for m in range(n_members):
        # evenly spread members: no chance outlier
        step = (m - (n_members - 1) / 2) / n_members
        for i in range(n_scans):
            cell = (group, m, f"s{i}")
            quality.append((*cell, "challenge", "brain", 33.7 + 0.2 * step, 0.92 + 0.002 * step))
            quality.append((*cell, "fixed", "all", rng.uniform(0, 99), rng.uniform()))
            for k in range(5):
                volumes.append((*cell, f"k{k}", 1000 * (k + 1) * (1 + 0.01 * step)))
    columns = ["group", "member", "subject"]
    return (
        pd.DataFrame(quality, columns=[*columns, "range", "slices", "psnr", "ssim"]),
        pd.DataFrame(volumes, columns=[*columns, "structure", "volume_mm3"]),
    )


@given(
    arrays(np.float64, st.integers(4, 15), elements=st.floats(-100, 100).map(lambda v: round(v, 3)))
)
def test_robust_z_is_scipys_median_absolute_deviation(values):
    mad = stats.median_abs_deviation(values, scale="normal")
    assume(mad > 0)
    assert robust_z(values) == pytest.approx(np.abs(values - np.median(values)) / mad, rel=1e-6)


def test_robust_z_by_hand():
    z = robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))
    assert z[-1] == pytest.approx(97 / 1.4826, rel=1e-4)
    assert z[2] == 0


def test_most_members_the_same():
    values = np.full(11, 0.1)
    assert robust_z(values).tolist() == [0.0] * 11
    values[3] += 1
    z = robust_z(values)
    # the mean absolute deviation of one value at d among M is d / M
    assert z[3] == pytest.approx(11 / np.sqrt(np.pi / 2))
    assert np.delete(z, 3).tolist() == [0.0] * 10
    rounding = 0.1 * (1 + 1e-15 * np.arange(5))
    assert robust_z(rounding).tolist() == [0.0] * 5


def test_missing_and_too_few_values():
    assert np.isnan(robust_z(np.array([1.0, 2.0, 30.0]))).all()
    assert np.isnan(robust_z(np.array([1.0, 2.0, 3.0, np.nan]))).all()
    z = robust_z(np.array([1.0, 2.0, 3.0, np.nan, 4.0]))
    assert np.isnan(z).tolist() == [False, False, False, True, False]


@given(st.floats(-50, 50), st.floats(0.1, 10), st.permutations(range(6)))
def test_origin_unit_and_order_do_not_matter(shift, factor, order):
    values = np.array([1.0, 2.0, 4.0, 7.0, 11.0, 60.0])
    moved = (shift + factor * values)[list(order)]
    assert robust_z(moved) == pytest.approx(robust_z(values)[list(order)], rel=1e-6)


def test_volume_deviation_by_hand():
    rows = [
        (m, "s0", k, v)
        for k, values in {"a": [98, 100, 103], "b": [50, 40, 50], "empty": [0, 0, 0]}.items()
        for m, v in enumerate(values)
    ]
    table = pd.DataFrame(rows, columns=["member", "subject", "structure", "volume_mm3"])
    assert volume_deviation(table).tolist() == pytest.approx([1.0, 10.0, 1.5])


def test_an_ordinary_ensemble_has_no_outlier():
    tree, table = outliers(*study(), THRESHOLD)
    assert list(table.columns) == COLUMNS
    assert tree["varnet"]["flagged"] == 0
    assert tree["varnet"]["flagged_by"] == {"psnr": 0, "ssim": 0, "volume": 0}
    assert len(without(study()[1], table)) == len(study()[1])


def test_a_failed_run_is_found_and_the_rest_is_as_it_was():
    quality, volumes = study()
    bad = quality["member"] == 3
    quality.loc[bad, ["psnr", "ssim"]] -= [3.6, 0.04]
    tree, table = outliers(quality, volumes, THRESHOLD)
    assert table.loc[table["flagged"], "member"].tolist() == [3]
    assert tree["varnet"]["flagged_by"] == {"psnr": 1, "ssim": 1, "volume": 0}
    assert tree["varnet"]["largest_z"]["psnr"] > 10
    spread = [
        t.groupby("member")["psnr"].mean().std()
        for t in (
            frame[frame["range"] == "challenge"] for frame in (quality, without(quality, table))
        )
    ]
    assert spread[0] > 1
    assert spread[1] < 0.1


def test_volumes_that_stand_apart_are_found():
    quality, volumes = study()
    volumes.loc[volumes["member"] == 7, "volume_mm3"] *= 1.3
    tree, table = outliers(quality, volumes, THRESHOLD)
    assert tree["varnet"]["flagged_by"] == {"psnr": 0, "ssim": 0, "volume": 1}
    kept = without(volumes, table)
    assert 7 not in set(kept["member"])
    assert len(kept) == len(volumes) * 10 // 11


def test_only_the_group_of_the_flagged_member_loses_it():
    quality, volumes = (pd.concat(pair) for pair in zip(study(), study(group="rim"), strict=True))
    quality.loc[(quality["member"] == 2) & (quality["group"] == "rim"), "psnr"] -= 5
    _, table = outliers(quality, volumes, THRESHOLD)
    kept = without(volumes, table).groupby("group")["member"].nunique()
    assert kept.to_dict() == {"varnet": 11, "rim": 10}


@pytest.mark.parametrize("n_members", [1, 2, 3])
def test_few_members_are_not_judged_and_it_is_said(n_members):
    tree, table = outliers(*study(n_members), THRESHOLD)
    assert tree["varnet"] == {"members": n_members, "not_judged": "fewer than 4 members"}
    assert not table["flagged"].any()


def test_members_without_scores_stay():
    quality, volumes = study(6)
    tree, table = outliers(quality[quality["member"] > 2], volumes, THRESHOLD)
    assert tree["varnet"]["undefined"] == 2  # largest z of psnr and ssim: three members left
    assert not table["flagged"].any()
    tree, _ = outliers(quality[:0], volumes[volumes["member"] < 0], THRESHOLD)
    assert tree == {}
    tree, _ = outliers(quality[:0], volumes.assign(volume_mm3=0.0), THRESHOLD)
    assert tree["varnet"]["not_judged"] == "fewer than 4 members measured"
    json.dumps(tree, allow_nan=False)


def test_failed_runs_among_random_ones_are_found():
    """A run 5 standard deviations off in both scores is flagged in most ensembles of 12."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(300):
        values = rng.normal(size=12)
        values[0] -= 8
        found += robust_z(values)[0] > THRESHOLD
    assert found > 270
