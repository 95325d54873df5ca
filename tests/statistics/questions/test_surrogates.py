"""What surrogates predict: statsmodels, resampled rows, and pairs without a logarithm."""

import time

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.statistics.methods.regression import in_sample_r2, within_group_r2
from stages.statistics.questions.surrogates import (
    ESTIMATES,
    bootstrap_r2,
    estimates,
    image_surrogates,
    logarithms,
    predict_target,
)

GROUP = "rim"


def tables(
    n_scans: int = 8, n_structures: int = 6, noise: float = 0.3, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """Return surrogates (`good` follows CV^2, `idle` nothing), cv and exams of two scans each."""
    generator = np.random.default_rng(seed)
    rows, pairs = [], []
    for k in range(n_structures):
        for s in range(n_scans):
            level = 0.5 * k + generator.normal(0, 0.5)
            pair = {"group": GROUP, "subject": f"s{s}", "structure": f"k{k}"}
            pairs.append({**pair, "cv": np.exp(level)})
            good = np.exp(2 * level + generator.normal(0, noise))
            rows.append({**pair, "surrogate": "good", "kind": "B", "value": good})
            idle = generator.gamma(4)
            rows.append({**pair, "surrogate": "idle", "kind": "A", "value": idle})
    exams = {f"s{s}": f"e{s // 2}" for s in range(n_scans)}
    return pd.DataFrame(rows), pd.DataFrame(pairs), exams


def joined(**kwargs) -> tuple[pd.DataFrame, np.ndarray]:
    surrogates, cv, exams = tables(**kwargs)
    pairs, _ = logarithms(surrogates[surrogates["surrogate"] == "good"], cv)
    return pairs, pairs["subject"].map(exams).to_numpy()


def test_r2_is_that_of_statsmodels():
    pairs, exam = joined()
    found = estimates(pairs, exam)
    pooled = sm.OLS(pairs["y"], sm.add_constant(pairs["x"])).fit()
    assert found["pooled_r2"] == pytest.approx(pooled.rsquared)
    effects = pd.get_dummies(pairs["structure"]).astype(float)
    both = sm.OLS(pairs["y"], effects.assign(x=pairs["x"])).fit()
    alone = sm.OLS(pairs["y"], effects).fit()
    assert found["within_structure_r2"] == pytest.approx(1 - both.ssr / alone.ssr)
    predicted = np.empty(len(pairs))
    for label in np.unique(exam):
        rest = pairs[exam != label]
        fit = sm.OLS(rest["y"], sm.add_constant(rest["x"])).fit()
        predicted[exam == label] = fit.params["const"] + fit.params["x"] * pairs["x"][exam == label]
    total = ((pairs["y"] - pairs["y"].mean()) ** 2).sum()
    expected = 1 - ((pairs["y"] - predicted) ** 2).sum() / total
    assert found["leave_one_subject_out_r2"] == pytest.approx(expected)


def test_a_good_surrogate_is_told_from_an_idle_one():
    tree, _ = predict_target(*tables(20, 16), n_draws=500, rng=np.random.default_rng(0))
    good, idle = tree[GROUP]["good"], tree[GROUP]["idle"]
    assert good["within_structure_r2_low"] > 0.8 > 0.1 > idle["within_structure_r2_high"]
    assert good["spearman_within"] > 0.9
    assert idle["leave_one_subject_out_r2"] < 0.05
    assert (good["cost"], idle["cost"]) == ("one segmentation", "images")


@given(st.sampled_from([0.001, 7.0, 1e6]), st.sampled_from([0.5, 1.0, -2.0]))
@settings(max_examples=10)
def test_unit_and_power_of_a_surrogate_do_not_matter(unit, power):
    surrogates, cv, exams = tables()
    changed = surrogates.assign(value=unit * surrogates["value"] ** power)
    before, after = (predict_target(t, cv, exams)[0][GROUP]["good"] for t in (surrogates, changed))
    for name in ("pooled_r2", "within_structure_r2", "leave_one_subject_out_r2"):
        assert after[name] == pytest.approx(before[name])
    assert after["spearman_within"] == pytest.approx(np.sign(power) * before["spearman_within"])


def test_bootstrap_is_that_of_repeated_rows():
    pairs, exam = joined(n_scans=10, noise=1.0)
    n_draws = 20
    found = bootstrap_r2(pairs, exam, n_draws, np.random.default_rng(3))
    labels = np.unique(exam)
    share = np.full(len(labels), 1 / len(labels))
    times = np.random.default_rng(3).multinomial(len(labels), share, size=n_draws)
    for row, drawn in zip(found, times, strict=True):
        counts = dict(zip(labels, drawn, strict=True))
        sample = pairs.loc[np.repeat(np.arange(len(pairs)), [counts[e] for e in exam])]
        x, y = sample["x"].to_numpy()[:, None], sample["y"].to_numpy()
        assert row[0] == pytest.approx(in_sample_r2(x, y))
        assert row[1] == pytest.approx(within_group_r2(x, y, sample["structure"].to_numpy()))


def test_intervals_cover_the_truth_of_many_exams():
    """R^2 of normal variables is rho^2; exams are independent here, so percentiles should cover."""
    generator = np.random.default_rng(1)
    hits, n_runs, rho = 0, 60, 0.7
    for _ in range(n_runs):
        x = generator.normal(size=(40, 3))
        y = rho * x + np.sqrt(1 - rho**2) * generator.normal(size=x.shape)
        subject, structure = np.indices(x.shape)
        pairs = pd.DataFrame({"structure": structure.ravel(), "x": x.ravel(), "y": y.ravel()})
        samples = bootstrap_r2(pairs, subject.ravel(), 200, generator)[:, 1]
        low, high = np.quantile(samples, (0.05, 0.95))
        hits += low <= rho**2 <= high
    assert 0.78 <= hits / n_runs <= 0.99


def test_cells_without_a_logarithm_are_left_out_and_counted():
    surrogates, cv, exams = tables()
    good = surrogates.index[surrogates["surrogate"] == "good"]
    surrogates.loc[good[:4], "value"] = [0.0, np.nan, np.inf, -1.0]
    surrogates = surrogates.drop(good[4])
    cv.loc[5, "cv"] = 0.0
    tree, table = predict_target(surrogates, cv, exams, 50, rng=np.random.default_rng(0))
    leaves = tree[GROUP]["good"]
    assert (leaves["n"], leaves["n_left_out"]) == (42, 6)
    assert leaves["n_undefined"] == 0
    assert tree[GROUP]["idle"]["n_left_out"] == 1
    assert set(table["estimate"]) == set(ESTIMATES)


@pytest.mark.parametrize(("n_scans", "n_structures"), [(1, 1), (2, 1), (2, 2), (1, 4)])
def test_few_cells_give_numbers_or_counted_gaps(n_scans, n_structures):
    surrogates, cv, exams = tables(n_scans, n_structures)
    tree, table = predict_target(surrogates, cv, exams, 30, rng=np.random.default_rng(0))
    for leaves in tree[GROUP].values():
        numbers = [value for value in leaves.values() if not isinstance(value, str)]
        assert np.isfinite(numbers).all()
        assert sum(name in leaves for name in ESTIMATES) == 4 - leaves["n_undefined"]
    assert len(table) == 8


def test_nothing_defined_is_counted_and_no_error():
    surrogates, cv, exams = tables(2, 2)
    tree, _ = predict_target(
        surrogates.assign(value=np.nan), cv, exams, 9, rng=np.random.default_rng(0)
    )
    assert tree[GROUP]["good"] == {
        "cost": "one segmentation",
        "n": 0,
        "n_left_out": 4,
        "n_undefined": 4,
    }
    constant, _ = predict_target(surrogates.assign(value=2.0), cv.assign(cv=1.0), exams)
    assert constant[GROUP]["idle"]["n_undefined"] == 4


def test_groups_without_a_cv_are_left_out_and_tables_may_be_empty():
    surrogates, cv, exams = tables(2, 2)
    assert predict_target(surrogates.assign(group="noise"), cv, exams)[0] == {}
    tree, table = predict_target(surrogates.iloc[:0], cv, exams)
    assert (tree, len(table)) == ({}, 0)


def test_wrong_tables_are_refused():
    surrogates, cv, exams = tables(2, 2)
    with pytest.raises(ValueError, match="kind A, B, C, got 'Z'"):
        predict_target(surrogates.assign(kind="Z"), cv, exams)
    with pytest.raises(ValueError, match="random generator"):
        predict_target(surrogates, cv, exams, n_draws=5)
    with pytest.raises(pd.errors.MergeError):
        predict_target(pd.concat([surrogates, surrogates]), cv, exams)


def test_summaries_of_regions_are_surrogates_of_images():
    regions = pd.DataFrame(
        [("rim", "s0", "caudate", 1.0, 2.0, 3.0, 9.0)],
        columns=["group", "subject", "structure", "mean", "median", "p95", "max"],
    )
    found = image_surrogates(regions)
    assert found["surrogate"].tolist() == ["std_mean", "std_median", "std_p95"]
    assert found["value"].tolist() == [1.0, 2.0, 3.0]
    assert set(found["kind"]) == {"A"}


def test_order_of_rows_does_not_matter():
    surrogates, cv, exams = tables()
    tree, _ = predict_target(surrogates, cv, exams)
    shuffled, _ = predict_target(surrogates.sample(frac=1, random_state=0), cv[::-1], exams)
    for name, leaves in tree[GROUP].items():
        assert shuffled[GROUP][name] == pytest.approx(leaves)


def test_full_size_takes_seconds():
    surrogates, cv, exams = tables(20, 16)
    start = time.perf_counter()
    predict_target(surrogates, cv, exams, 1000, rng=np.random.default_rng(0))
    assert time.perf_counter() - start < 5
