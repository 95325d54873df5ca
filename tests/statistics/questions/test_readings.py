"""Every reading of the regressions: statsmodels, and what makes two of them the same."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from stages.measures.voxelwise import SUMMARIES, histogram_table, region_table
from stages.statistics.cohort import of
from stages.statistics.questions.prediction import in_sample_r2, prediction_table
from stages.statistics.questions.readings import (
    NORMS,
    READINGS,
    WHOLE,
    ask,
    bin_heights,
    r2_of,
    regressions,
)
from tests.statistics.conftest import cohort_of, ensembles

N_STRUCTURES, N_SCANS = 6, 8


def tables(seed: int = 0, group: str = "rim") -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return cv with mean volumes, regions and histograms of one network."""
    generator = np.random.default_rng(seed)
    cv, regions, histograms = [], [], []
    for k in range(N_STRUCTURES):
        for s in range(N_SCANS):
            std = 0.02 * (k + 1) * generator.gamma(4, 0.25, size=200)
            bits = np.ones(200, dtype=np.uint32)
            pair = {"group": group, "structure": f"k{k}", "subject": f"s{s}"}
            size = {"cv": generator.gamma(4), "mean_mm3": 1000.0 * (k + 1)}
            cv.append({**pair, **size})
            regions.append(region_table(std, bits).iloc[:1].assign(**pair))
            histograms.append(histogram_table(std, bits, 10, 0.1).iloc[:20].assign(**pair))
    return pd.DataFrame(cv), pd.concat(regions), pd.concat(histograms)


def test_all_combinations_are_there_once() -> None:
    assert len(set(READINGS)) == len(READINGS) == 2 * 3 + 2 * 4
    assert len({reading.words for reading in READINGS}) == len(READINGS)
    assert len({whole.words for whole in WHOLE}) == len(WHOLE) == 12
    for whole in WHOLE:
        assert set(whole.parts.values()) <= set(READINGS)


def test_r2_is_that_of_statsmodels() -> None:
    cv, regions, histograms = tables()
    found = {reading[:]: r2 for reading, _, r2 in regressions(cv, regions, histograms)}
    table, _ = prediction_table(cv, regions, histograms)
    sd = cv["cv"] / 100 * cv["mean_mm3"]
    fit = sm.OLS(sd, sm.add_constant(table[list(SUMMARIES)])).fit()
    assert found["summary", "sd", "map"] == pytest.approx(fit.rsquared)
    width = (table["max"] - table["min"]) / 10
    densities = table[[f"own_{k}" for k in range(10)]].div(width, axis=0)
    fit = sm.OLS(cv["cv"], sm.add_constant(densities)).fit()
    assert found["histogram", "cv", "densities"] == pytest.approx(fit.rsquared)
    heights = densities.to_numpy()
    columns = [heights.mean(1), np.median(heights, 1), heights.max(1), heights.min(1)]
    columns += [heights.std(1), *np.percentile(heights, (5, 25, 75, 95), axis=1)]
    fit = sm.OLS(cv["cv"], sm.add_constant(np.stack(columns, 1))).fit()
    assert found["summary", "cv", "densities"] == pytest.approx(fit.rsquared)


def test_the_reading_of_the_study_is_that_of_its_prediction() -> None:
    cv, regions, histograms = tables()
    found = {reading[:]: r2 for reading, _, r2 in regressions(cv, regions, histograms)}
    table, _ = prediction_table(cv, regions, histograms)
    x = table[[f"own_{k}" for k in range(9)]].to_numpy()
    expected = in_sample_r2(x, cv["cv"].to_numpy())
    assert found["histogram", "cv", "fractions"] == pytest.approx(expected)


def test_written_fractions_that_do_not_sum_to_1_give_no_predictor_of_rounding() -> None:
    cv, regions, histograms = tables()
    written = histograms.assign(fraction=histograms["fraction"] + 1e-7 * np.sin(np.arange(960)))
    pairs = zip(
        regressions(cv, regions, histograms), regressions(cv, regions, written), strict=True
    )
    for (reading, _, exact), (_, _, rounded) in pairs:
        assert rounded == pytest.approx(exact, abs=1e-3), reading


def test_a_constant_region_has_no_density_and_is_left_out_there_alone() -> None:
    cv, regions, histograms = tables()
    first = (regions["structure"] == "k0") & (regions["subject"] == "s0")
    regions = regions.reset_index(drop=True)
    regions.loc[first.to_numpy(), "max"] = regions.loc[first.to_numpy(), "min"]
    sizes = {reading[:]: n for reading, n, _ in regressions(cv, regions, histograms)}
    assert sizes["histogram", "cv", "densities"] == N_STRUCTURES * N_SCANS - 1
    assert sizes["histogram", "cv", "fractions"] == N_STRUCTURES * N_SCANS
    table, _ = prediction_table(cv, regions, histograms)
    assert np.isnan(bin_heights(table, "densities")[0]).all()
    assert bin_heights(table, "fractions").sum(axis=1) == pytest.approx(1)


def test_metrics_and_table_hold_every_reading_of_every_network() -> None:
    parts = [tables(seed, group) for seed, group in enumerate(("unet", "rim"))]
    cv, regions, histograms = (pd.concat(t, ignore_index=True) for t in zip(*parts, strict=True))
    volumes = cv.assign(member=0, volume_mm3=1.0)
    cohort = cohort_of(
        cv=cv, regions=regions, histograms=histograms, volumes=volumes, ensembles=ensembles()
    )
    answer = ask(cohort, None, None)
    table = answer.tables["readings"]
    assert len(table) == 2 * len(READINGS)
    for reading in READINGS:
        row = of(table, "rim").set_index(["regression", "target", "predictors"]).loc[reading]
        assert r2_of(answer.metrics, "rim", reading) == row["r2"]
    assert np.isnan(r2_of({}, "rim", READINGS[0]))
    assert set(answer.metrics["unet"]["histogram"]["sd"]) == set(NORMS)
