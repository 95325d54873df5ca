"""Outliers among members: hand calculations, scipy, and runs made to fail."""

import json

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from stages.measures.voxelwise import SUMMARIES
from stages.statistics.methods.variability import cv_table
from stages.statistics.questions.outliers import (
    COLUMNS,
    LEFT_OUT,
    left_out,
    outliers,
    predicted,
    robust_z,
    volume_deviation,
    without,
)
from stages.statistics.questions.outliers import ask as put_question
from tests.statistics.conftest import cohort_of, ensembles, parameters

THRESHOLD = 4.0
N_BINS = 4


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
            pair = (group, m, f"s{i}")
            quality.append((*pair, "challenge", "brain", 33.7 + 0.2 * step, 0.92 + 0.002 * step))
            quality.append((*pair, "fixed", "all", rng.uniform(0, 99), rng.uniform()))
            for k in range(5):
                volumes.append((*pair, f"k{k}", 1000 * (k + 1) * (1 + 0.01 * step)))
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


@pytest.mark.parametrize("n_members", [1, 2, 4, 7])
def test_few_members_are_not_judged_and_it_is_said(n_members):
    tree, table = outliers(*study(n_members), THRESHOLD)
    assert tree["varnet"] == {"members": n_members, "not_judged": "fewer than 8 members"}
    assert not table["flagged"].any()


def test_members_without_scores_stay():
    quality, volumes = study(9)
    tree, table = outliers(quality[quality["member"] > 1], volumes, THRESHOLD)
    assert tree["varnet"]["undefined"] == 2  # largest z of psnr and ssim: seven members left
    assert not table["flagged"].any()
    tree, _ = outliers(quality[:0], volumes[volumes["member"] < 0], THRESHOLD)
    assert tree == {}
    tree, _ = outliers(quality[:0], volumes.assign(volume_mm3=0.0), THRESHOLD)
    assert tree["varnet"]["not_judged"] == "fewer than 8 members measured"
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


def predicting_study(n_members: int = 9, seed: int = 0) -> tuple[pd.DataFrame, ...]:
    """Return quality, volumes, regions and histograms; images know how much a volume varies."""
    rng = np.random.default_rng(seed)
    quality, _ = study(n_members, n_scans=8)
    volumes, regions, histograms = [], [], []
    for k in range(5):
        for i in range(8):
            pair = ("varnet", f"s{i}", f"k{k}")
            level = rng.uniform(0.5, 3.0)
            summaries = level + rng.normal(0, 0.1, len(SUMMARIES))
            regions.append((*pair, *summaries))
            fractions = np.array([level, *rng.uniform(1, 1.2, N_BINS - 1)])
            fractions /= fractions.sum()
            histograms += [(*pair, "own", b, f) for b, f in enumerate(fractions)]
            # standard scores of a fixed spread: the CV is `level` percent exactly
            scores = rng.normal(size=n_members)
            scores = (scores - scores.mean()) / scores.std(ddof=1)
            volumes += [(*pair, m, 1000 * (1 + level * z / 100)) for m, z in enumerate(scores)]
    head = ["group", "subject", "structure"]
    return (
        quality,
        pd.DataFrame(volumes, columns=[*head, "member", "volume_mm3"]),
        pd.DataFrame(regions, columns=[*head, *SUMMARIES]),
        pd.DataFrame(histograms, columns=[*head, "edges", "bin", "fraction"]),
    )


def spoilt(n_members: int = 9) -> tuple[pd.DataFrame, ...]:
    """Return the study with one more member, the last, whose volumes are anything."""
    quality, volumes, regions, histograms = predicting_study(n_members)
    rng = np.random.default_rng(1)
    bad = volumes[volumes["member"] == 0].assign(member=n_members)
    bad["volume_mm3"] = 1000 * rng.uniform(1.2, 1.6, len(bad))
    failed = quality[quality["member"] == 0].assign(member=n_members)
    failed["psnr"] -= 5.0
    return pd.concat([quality, failed]), pd.concat([volumes, bad]), regions, histograms


def ask(quality, volumes, regions, histograms) -> tuple[dict, pd.DataFrame]:
    """Put the question to a cohort that holds what it needs."""
    tables = {"quality": quality, "volumes": volumes, "regions": regions, "histograms": histograms}
    cohort = cohort_of(ensembles=ensembles(("varnet",)), **tables)
    answer = put_question(cohort, parameters(outlier_threshold=THRESHOLD), None)
    return answer.metrics, answer.tables["outliers"]


def test_r2_of_the_pair_is_that_of_statsmodels():
    _, volumes, regions, histograms = predicting_study()
    told = predicted(cv_table(volumes), regions, histograms)
    y = cv_table(volumes).sort_values(["structure", "subject"])["cv"].to_numpy()
    x = regions.sort_values(["structure", "subject"])[list(SUMMARIES)].to_numpy()
    assert told["r2"]["summary"] == pytest.approx(sm.OLS(y, sm.add_constant(x)).fit().rsquared)
    wide = histograms.pivot(index=["structure", "subject"], columns="bin", values="fraction")
    x = sm.add_constant(wide.to_numpy()[:, :-1])
    assert told["r2"]["histogram"] == pytest.approx(sm.OLS(y, x).fit().rsquared)
    r = np.corrcoef(regions.sort_values(["structure", "subject"])["mean"], y)[0, 1]
    assert told["correlation"]["pearson"]["pooled"] == pytest.approx(r)


def test_a_planted_member_spoils_the_prediction_and_is_taken_out_of_the_target():
    tree, table = ask(*spoilt())
    found = tree["varnet"]
    assert found["flagged"] == 1
    assert found["with"]["r2"]["summary"] < 0.5
    never, _ = ask(*predicting_study())
    assert never["varnet"]["with"]["r2"]["summary"] > 0.9
    # the predictors are the same, so that only the target tells the two studies apart
    told = never["varnet"]["with"]
    assert found["without"]["target_only"]["r2"] == pytest.approx(told["r2"])
    for kind in ("pearson", "spearman"):
        own = found["without"]["target_only"]["correlation"][kind]
        assert own == pytest.approx(told["correlation"][kind])
    assert found["without"]["cv_median"] == pytest.approx(told["cv_median"])
    assert "r2" not in found["without"]
    row = table[table["flagged"]].iloc[0]
    assert row["member"] == 9
    assert row["r2_summary_target_only"] == pytest.approx(told["r2"]["summary"])
    assert row["r2_histogram_target_only"] == pytest.approx(told["r2"]["histogram"])
    assert row["cv_without"] == pytest.approx(told["cv_median"])
    # leaving out any other member leaves the failed one in
    assert (table.loc[~table["flagged"], "r2_summary_target_only"] < 0.6).all()
    json.dumps(tree, allow_nan=False)


def test_without_a_flag_both_are_the_same():
    tree, table = ask(*predicting_study())
    found = tree["varnet"]
    assert found["flagged"] == 0
    assert found["without"]["target_only"]["r2"] == found["with"]["r2"]
    assert found["without"]["psnr"] == found["with"]["psnr"]
    assert list(table.columns) == [*COLUMNS, *LEFT_OUT]
    assert table.groupby("group")["member"].nunique().to_dict() == {"varnet": 9}


def test_each_member_is_left_out_in_turn():
    _, volumes, regions, histograms = predicting_study(5)
    table = left_out(volumes, regions, histograms)
    assert table["member"].tolist() == [0, 1, 2, 3, 4]
    wide = volumes.pivot(index=["structure", "subject"], columns="member", values="volume_mm3")
    for row in table.itertuples():
        others = wide.drop(columns=row.member)
        cv = 100 * others.std(axis=1) / others.mean(axis=1)
        assert row.cv_without == pytest.approx(cv.median())
        x = regions.set_index(["structure", "subject"]).loc[cv.index, list(SUMMARIES)]
        fit = sm.OLS(cv.to_numpy(), sm.add_constant(x.to_numpy())).fit()
        assert row.r2_summary_target_only == pytest.approx(fit.rsquared)


def test_one_member_does_not_vary_and_what_is_undefined_is_counted():
    _, volumes, regions, histograms = predicting_study(2)
    assert left_out(volumes, regions, histograms)[LEFT_OUT].isna().all(axis=None)
    told = predicted(cv_table(volumes[volumes["member"] == 0]), regions, histograms)
    assert np.isnan(list(told["r2"].values())).all()
    assert "correlation" not in told
    quality, *rest = predicting_study(2)
    quality, volumes = (t[t["member"] == 0] for t in (quality, rest[0]))
    tree, table = ask(quality, volumes, *rest[1:])
    assert tree["varnet"]["with"]["r2"] == {}
    assert "without" not in tree["varnet"]
    assert tree["varnet"]["with"]["undefined"] == 3  # the CV and both R^2
    assert table[LEFT_OUT].isna().all(axis=None)
