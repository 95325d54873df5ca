"""The answers about one architecture: what enters, what is left out, and what the numbers mean."""

import numpy as np
import pandas as pd
import pytest

from stages.measures.voxelwise import SUMMARIES, histogram_table, region_table
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.permutation import joint_permutations
from stages.statistics.methods.regression import in_sample_r2
from stages.statistics.questions.prediction import (
    histogram_columns,
    predict,
    prediction_table,
    volume_only,
    with_size,
)
from stages.study.subjects import subject_map


def tables(
    n_scans: int = 20, n_structures: int = 16, link: float = 0.0, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return cv, regions and histograms; `link` couples the mean deviation of a pair to its CV."""
    generator = np.random.default_rng(seed)
    cv, regions, histograms = [], [], []
    for structure in [f"s{k}" for k in range(n_structures)]:
        for subject in [f"sub-e{k // 2}x{k}" for k in range(n_scans)]:
            level = generator.normal(0, 0.4)
            std = 0.02 * np.exp(link * level) * generator.gamma(4, 0.25, size=200)
            bits = np.ones(200, dtype=np.uint32)
            pair = {"structure": structure, "subject": subject}
            cv.append({**pair, "cv": np.exp(level)})
            regions.append(region_table(std, bits).iloc[:1].assign(**pair))
            histograms.append(histogram_table(std, bits, 10, 0.1).assign(**pair))
    return pd.DataFrame(cv), pd.concat(regions), pd.concat(histograms)


def test_cells_without_target_or_region_are_left_out_and_counted():
    cv, regions, histograms = tables(4, 3)
    cv.loc[0, "cv"] = np.nan
    regions = regions[~((regions["structure"] == "s1") & (regions["subject"] == "sub-e0x1"))]
    table, n_excluded = prediction_table(cv, regions, histograms)
    assert (len(table), n_excluded) == (10, 2)
    assert not table.isna().any(axis=None)


def test_last_bin_is_dropped_in_numeric_order():
    table, _ = prediction_table(*tables(2, 2))
    assert histogram_columns(table, "own") == [f"own_{k}" for k in range(9)]
    twelve = pd.DataFrame(columns=[f"own_{k}" for k in (0, 10, 11, 2, 1, 3, 4, 5, 6, 7, 8, 9)])
    assert histogram_columns(twelve, "own") == [f"own_{k}" for k in range(11)]


def answers(table, pattern=None, sizes=None):
    """Return the tree and the correlations, exams read from the names of the scans.

    Volumes have random sizes unless they are given.
    """
    exams = subject_map(table["subject"], pattern, files={})
    generator = np.random.default_rng(0)
    volumes = table[["structure", "subject"]].assign(
        mean_mm3=generator.gamma(4, 500, len(table)) if sizes is None else sizes
    )
    clusters = np.array(list(exams.values()))
    return predict(
        with_size(table, volumes), exams, joint_permutations(clusters, 49, generator).order
    )


def test_a_linked_predictor_is_found_and_an_idle_one_is_not():
    idle, _ = answers(prediction_table(*tables(link=0.0))[0], pattern=r"(e\d+)")
    linked, _ = answers(prediction_table(*tables(link=1.0))[0], pattern=r"(e\d+)")
    assert linked["r2"]["summary"] > 0.8
    assert linked["controls"]["summary"]["leave_one_subject_out"] > 0.8
    assert linked["correlation"]["spearman"]["per_structure_mean"] > 0.9
    assert idle["r2"]["summary"] < 0.1
    assert idle["controls"]["summary"]["adjusted"] == pytest.approx(0, abs=0.05)
    # the histogram between own edges does not see magnitude, the one between global edges does
    assert linked["r2"]["histogram"] < 0.1
    assert linked["controls"]["histogram"]["global_edges"] > 0.5


def test_subjects_are_left_out_whole():
    """Scans that share their noise predict each other unless they are left out together."""
    cv, regions, histograms = tables(4, 16, seed=3)
    matched_pairs = cv["subject"].str.extract(r"(e\d+)", expand=False)
    for table in (regions, histograms):
        table["pair"] = table["subject"].str.extract(r"(e\d+)", expand=False).to_numpy()
    cv["cv"] = cv.groupby([cv["structure"], matched_pairs])["cv"].transform("first")
    regions[list(SUMMARIES)] = regions.groupby(["structure", "pair"])[list(SUMMARIES)].transform(
        "first"
    )
    table, _ = prediction_table(cv, regions, histograms)
    alone, _ = answers(table)
    together, _ = answers(table, pattern=r"(e\d+)")
    assert together["r2"] == alone["r2"]
    summary = [tree["controls"]["summary"]["leave_one_subject_out"] for tree in (together, alone)]
    assert summary[0] < summary[1] - 0.05


def test_tree_has_the_public_keys():
    tree, correlations = answers(prediction_table(*tables(4, 5))[0])
    assert set(tree) == {"r2", "controls", "correlation"}
    assert set(tree["r2"]) == {"histogram", "summary"}
    assert set(tree["controls"]) == {"histogram", "summary", "structure_only", "volume_only"}
    for name in ("histogram", "summary"):
        report = tree["controls"][name]
        assert set(report["wrong_subject"]) == {"mean", "p95", "p"}
        assert set(report["random_structure"]) == {"mean", "p95"}
    for kind in ("pearson", "spearman"):
        scopes = {"per_structure_mean", "pooled", "within_structure"}
        assert set(tree["correlation"][kind]) == scopes
    assert set(correlations["statistic"]) == set(SUMMARIES)


def test_two_scans_give_numbers_or_named_gaps():
    tree, gaps = without_gaps(answers(prediction_table(*tables(2, 16))[0])[0])
    assert gaps == [
        "correlation.pearson.per_structure_mean",
        "correlation.spearman.per_structure_mean",
        "correlation.largest_mean.pearson",
        "correlation.largest_mean.spearman",
    ]
    assert np.isfinite(tree["r2"]["histogram"])


def test_cells_that_do_not_vary_leave_the_logarithm_defined():
    cv, regions, histograms = tables(8, 8)
    cv.loc[:5, "cv"] = 0.0
    table, n_excluded = prediction_table(cv, regions, histograms)
    _, gaps = without_gaps(answers(table)[0])
    assert (n_excluded, gaps) == (0, [])


def test_order_of_the_rows_does_not_matter():
    table, _ = prediction_table(*tables(6, 4))
    shuffled = table.sample(frac=1, random_state=1)
    tree, shuffled_tree = (answers(t)[0] for t in (table, shuffled))
    assert shuffled_tree["r2"] == pytest.approx(tree["r2"])
    for name in ("adjusted", "leave_one_subject_out", "within_structure"):
        found = (t["controls"]["histogram"][name] for t in (shuffled_tree, tree))
        assert next(found) == pytest.approx(next(found))


def test_a_predictor_of_structures_explains_as_much_with_the_wrong_subject():
    """Large in sample, and no larger than that of another subject: nothing of the scan."""
    cv, regions, histograms = tables(12, 10, seed=4)
    level = np.random.default_rng(1).normal(size=10)
    number = cv["structure"].str[1:].astype(int).to_numpy()
    cv["cv"] = np.exp(level[number] + 0.1 * np.log(cv["cv"]))
    for name in SUMMARIES:
        regions[name] = np.exp(level[number]) + 0.05 * regions[name].to_numpy()
    tree, _ = answers(prediction_table(cv, regions, histograms)[0])
    report = tree["controls"]["summary"]
    assert tree["r2"]["summary"] > 0.8
    assert report["wrong_subject"]["mean"] == pytest.approx(tree["r2"]["summary"], abs=0.05)
    assert report["wrong_subject"]["p"] > 0.05
    assert tree["controls"]["structure_only"] > 0.9


def test_the_size_of_the_volume_is_a_control():
    """Predictors that follow the size alone explain nothing of what it leaves over."""
    cv, regions, histograms = tables(8, 8, seed=5)
    size = 1000 / cv["cv"].to_numpy()
    table, _ = prediction_table(cv, regions, histograms)
    noise = 0.01 * np.random.default_rng(0).normal(size=(len(table), len(SUMMARIES)))
    table[list(SUMMARIES)] = np.log(size)[:, None] + noise
    tree, _ = answers(table, sizes=size)
    assert tree["r2"]["summary"] > 0.8
    assert tree["controls"]["volume_only"]["in_sample"] > 0.8
    assert tree["controls"]["summary"]["beside_volume"] < 0.4
    known = with_size(table, cv.assign(mean_mm3=size))
    exams = {name: name for name in table["subject"]}
    expected = in_sample_r2(np.log(size)[:, None], table["cv"].to_numpy())
    assert volume_only(known, exams)["in_sample"] == pytest.approx(expected)


def test_a_mean_over_structures_takes_eight_subjects():
    few, _ = answers(prediction_table(*tables(7, 4))[0])
    enough, _ = answers(prediction_table(*tables(8, 4))[0])
    assert np.isnan(few["correlation"]["pearson"]["per_structure_mean"])
    assert np.isnan(few["correlation"]["largest_mean"]["spearman"])
    assert np.isfinite(enough["correlation"]["pearson"]["per_structure_mean"])
