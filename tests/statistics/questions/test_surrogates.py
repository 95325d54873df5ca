"""What surrogates predict: statsmodels, disjoint halves, and pairs without a logarithm."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.measures.members import HALVES
from stages.statistics.methods.disjoint_halves import Cohorts
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.variability import cv_table
from stages.statistics.questions.surrogates import (
    ESTIMATES,
    Targets,
    ask,
    estimates,
    image_surrogates,
    logarithms,
    predict_target,
    surrogate_tree,
    with_volume,
)
from tests.statistics.conftest import cohort_of, ensembles, parameters

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


def predicted(surrogates: pd.DataFrame, cv: pd.DataFrame, exams: dict[str, str]):
    """Return tree and table; volumes have random sizes."""
    generator = np.random.default_rng(1)
    size = cv[["group", "structure", "subject"]].assign(mean_mm3=generator.gamma(4, size=len(cv)))
    order = generator.permuted(np.tile(np.arange(len(exams)), (20, 1)), axis=1)
    table = predict_target(surrogates, Targets(cv, size), Cohorts(exams, order, 0.95))
    return surrogate_tree(table), table


def joined(**kwargs) -> tuple[pd.DataFrame, np.ndarray]:
    surrogates, cv, exams = tables(**kwargs)
    pairs, _ = logarithms(surrogates[surrogates["surrogate"] == "good"], cv)
    return pairs.assign(size=np.arange(len(pairs)) % 7), pairs["subject"].map(exams).to_numpy()


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
    tree, _ = predicted(*tables(20, 16))
    good, idle = tree[GROUP]["good"], tree[GROUP]["idle"]
    assert good["within_structure"]["low"] > 0.8 > 0.2 > idle["within_structure"]["high"]
    assert good["beside_volume_within_r2"] > 0.8
    # good knows the scan, idle does not even know the structure
    assert good["wrong_subject"]["within_structure_r2"]["p95"] < 0.2 < good["within_structure_r2"]
    assert good["wrong_subject"]["pooled_r2"]["mean"] > 0.5
    assert good["within_structure"]["p"] == pytest.approx(1 / 21)
    assert good["spearman_within"] > 0.9
    assert idle["leave_one_subject_out_r2"] < 0.05
    assert (good["cost"], idle["cost"]) == ("one segmentation", "images")


def cohort(n_members: int = 8, seed: int = 0):
    """Return a cohort whose true CV is known to the surrogate `good`, of all and of both halves."""
    generator = np.random.default_rng(seed)
    level = generator.normal(-4, 0.5, size=(12, 8, 1))
    volumes = 1000 * (1 + np.exp(level) * generator.normal(size=(12, 8, n_members)))
    k, s, m = (index.ravel() for index in np.indices(volumes.shape))
    names = {"structure": [f"k{i}" for i in k], "subject": [f"s{i}" for i in s]}
    table = pd.DataFrame({"group": GROUP, "member": m, **names, "volume_mm3": volumes.ravel()})
    cv = cv_table(table)
    pairs = cv[["group", "subject", "structure"]]
    pair = (cv["structure"].str[1:].astype(int), cv["subject"].str[1:].astype(int))
    good = pairs.assign(surrogate="good", kind="B", value=np.exp(level[..., 0])[pair])
    return cohort_of(
        ensembles=ensembles((GROUP,), n_members),
        subject_of={f"s{i}": f"s{i}" for i in range(8)},
        volumes=table,
        cv=cv,
        regions=pairs.assign(mean=1.0, median=1.0, p95=1.0),
        surrogates=good,
        half_surrogates=pd.concat([good.assign(half=half) for half in HALVES]),
    )


def test_halves_predict_each_other_by_what_they_share():
    tree = ask(cohort(), parameters(permutations=99), np.random.default_rng(0)).metrics[GROUP]
    assert tree["good"]["disjoint"]["n_pairs"] == 2 * 96
    within = tree["good"]["disjoint"]["within_structure"]
    assert within["low"] > 0.4
    assert within["p"] == pytest.approx(1 / 100)
    assert tree["volume"]["disjoint"]["within_structure"]["p"] > 0.01
    assert tree["volume"]["cost"] == "the volume itself"
    assert "disjoint" not in tree["std_mean"]
    assert set(tree["baselines"]) == {"structure_only", "random_structure"}


def test_the_volume_is_a_surrogate_of_no_uncertainty():
    cv = cohort().cv
    found = with_volume(pd.DataFrame({"surrogate": ["x"], "kind": ["A"], "value": [1.0]}), cv)
    assert found["surrogate"].tolist() == ["volume"] * len(cv) + ["x"]
    assert found["value"].tolist()[: len(cv)] == cv["mean_mm3"].tolist()


@given(st.sampled_from([0.001, 7.0, 1e6]), st.sampled_from([0.5, 1.0, -2.0]))
@settings(max_examples=10)
def test_unit_and_power_of_a_surrogate_do_not_matter(unit, power):
    surrogates, cv, exams = tables()
    changed = surrogates.assign(value=unit * surrogates["value"] ** power)
    before, after = (predicted(t, cv, exams)[0][GROUP]["good"] for t in (surrogates, changed))
    for name in ("pooled_r2", "within_structure_r2", "leave_one_subject_out_r2"):
        assert after[name] == pytest.approx(before[name])
    assert after["spearman_within"] == pytest.approx(np.sign(power) * before["spearman_within"])


def test_cells_without_a_logarithm_are_left_out_and_counted():
    surrogates, cv, exams = tables()
    good = surrogates.index[surrogates["surrogate"] == "good"]
    surrogates.loc[good[:4], "value"] = [0.0, np.nan, np.inf, -1.0]
    surrogates = surrogates.drop(good[4])
    cv.loc[5, "cv"] = 0.0
    tree, table = predicted(surrogates, cv, exams)
    leaves = tree[GROUP]["good"]
    assert (leaves["n"], leaves["n_left_out"]) == (42, 6)
    assert leaves["n_undefined"] == 0
    assert tree[GROUP]["idle"]["n_left_out"] == 1
    assert set(ESTIMATES) < set(table["estimate"])


@pytest.mark.parametrize(("n_scans", "n_structures"), [(1, 1), (2, 1), (2, 2), (1, 4)])
def test_few_cells_give_numbers_or_counted_gaps(n_scans, n_structures):
    surrogates, cv, exams = tables(n_scans, n_structures)
    tree, _ = predicted(surrogates, cv, exams)
    for leaves in tree[GROUP].values():
        kept, gaps = without_gaps(leaves)
        assert (kept, gaps) == (leaves, [])
        assert leaves["n_undefined"] > 0


def test_nothing_defined_is_counted_and_no_error():
    surrogates, cv, exams = tables(2, 2)
    tree, _ = predicted(surrogates.assign(value=np.nan), cv, exams)
    assert tree[GROUP]["good"] == {
        "cost": "one segmentation",
        "n": 0,
        "n_left_out": 4,
        "n_undefined": len(ESTIMATES),
    }
    constant, _ = predicted(surrogates.assign(value=2.0), cv.assign(cv=1.0), exams)
    assert not set(ESTIMATES) & set(constant[GROUP]["idle"])


def test_groups_without_a_cv_are_left_out_and_tables_may_be_empty():
    surrogates, cv, exams = tables(2, 2)
    assert predicted(surrogates.assign(group="noise"), cv, exams)[0] == {}
    tree, table = predicted(surrogates.iloc[:0], cv, exams)
    assert (tree, len(table)) == ({}, 0)


def test_wrong_tables_are_refused():
    surrogates, cv, exams = tables(2, 2)
    with pytest.raises(ValueError, match="kind 0, A, B, C, got 'Z'"):
        predicted(surrogates.assign(kind="Z"), cv, exams)
    with pytest.raises(pd.errors.MergeError):
        predicted(pd.concat([surrogates, surrogates]), cv, exams)


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
    pairs, _ = logarithms(surrogates[surrogates["surrogate"] == "good"], cv)
    other = pairs.sample(frac=1, random_state=0)
    found = [
        estimates(p.assign(size=p["x"] ** 2), p["subject"].map(exams).to_numpy())
        for p in (pairs, other)
    ]
    assert found[0] == pytest.approx(found[1])
