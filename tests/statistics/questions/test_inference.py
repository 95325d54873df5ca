"""Intervals and chance of one architecture's answers: what is in them, and that they are right."""

import numpy as np
import pandas as pd
import pytest

from stages.measures.voxelwise import SUMMARIES
from stages.statistics.methods.correlation import correlation_table
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.questions.inference import SCOPES, infer


def pairs(n_structures: int, n_subjects: int, link: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Return a table like that of `prediction_table`; `link` couples the predictors to the CV."""
    generator = np.random.default_rng(seed)
    k, s = (index.ravel() for index in np.indices((n_structures, n_subjects)))
    level = generator.normal(size=len(k))
    table = pd.DataFrame({"structure": k, "subject": s, "cv": np.exp(0.3 * level + 0.1 * k)})
    for name in SUMMARIES:
        table[name] = link * level + generator.normal(size=len(k))
    for edges in ("own", "global"):
        fractions = generator.dirichlet(np.ones(4), size=len(k))
        for j, column in enumerate(fractions.T):
            table[f"{edges}_{j}"] = column
    names = {"structure": "k" + table["structure"].astype(str)}
    return table.assign(**names, subject="sub-" + table["subject"].astype(str))


def alone(table: pd.DataFrame) -> dict[str, str]:
    return {name: name for name in table["subject"]}


def answers(table: pd.DataFrame, exams: dict[str, str] | None = None, seed: int = 1):
    rng = np.random.default_rng(seed)
    return infer(table, ["mean", "std"], "cv", exams or alone(table), 199, 0.95, rng)


def test_values_are_those_without_inference():
    table = pairs(5, 10, link=0.5).sample(frac=0.95, random_state=0)
    _, rows = answers(table)
    points = correlation_table(table, ["mean", "std"], "cv")
    for kind in ("pearson", "spearman"):
        chosen = rows[rows["estimate"] == kind]
        assert chosen["scope"].tolist() == points["scope"].tolist()
        assert chosen["value"].tolist() == pytest.approx(points[kind].tolist())
        assert chosen["n"].tolist() == points["n"].tolist()


def test_tree_has_the_public_keys():
    tree, rows = answers(pairs(4, 6))
    assert set(tree) == {"pearson", "spearman", "exchanged", "smallest_p"}
    for kind in ("pearson", "spearman"):
        assert set(tree[kind]) == {*SCOPES, "significant_max_t", "significant_bh", "largest"}
        assert set(tree[kind]["two_way"]) == {"r", "low", "high", "p", "critical"}
        assert set(tree[kind]["pooled"]) == {"r", "low", "high"}
    columns = ["scope", "statistic", "estimate", "n", "value", "low", "high"]
    assert list(rows) == [*columns, "p", "critical", "p_max_t", "p_bh"]
    assert rows.duplicated(["scope", "statistic", "estimate"]).sum() == 0


def test_limits_hold_the_value_and_family_p_is_not_below_p():
    tree, rows = answers(pairs(6, 12, link=0.5))
    found = rows[rows["estimate"] == "pearson"]
    single = found["scope"].str.startswith("k")
    assert found.loc[single, ["low", "high"]].isna().all(axis=None)  # no interval covers
    over = found[~single]
    assert (over["low"] < over["value"]).all() and (over["value"] < over["high"]).all()
    single = found.dropna(subset=["p_max_t"])
    assert len(single) == 2 * 6
    assert (single["p_max_t"] >= single["p"]).all()
    assert (single["p_bh"] >= single["p"]).all()
    assert tree["pearson"]["significant_bh"] >= tree["pearson"]["significant_max_t"]


def test_a_link_is_found_and_chance_is_not():
    linked, _ = answers(pairs(8, 20, link=2.0))
    assert linked["pearson"]["within_structure"]["p"] == pytest.approx(1 / 200)
    assert linked["pearson"]["within_structure"]["low"] > 0.5
    assert linked["spearman"]["significant_max_t"] == 8
    idle, _ = answers(pairs(8, 20, seed=3))
    leaf = idle["pearson"]["two_way"]
    assert leaf["low"] < 0 < leaf["high"] and leaf["p"] > 0.05


def test_scans_of_one_exam_stay_together():
    table = pairs(4, 8, link=0.5)
    couples = {name: f"exam-{int(name[4:]) // 2}" for name in table["subject"].unique()}
    assert answers(table, couples)[0]["exchanged"] == "subjects"
    mixed = {**alone(table), "sub-0": "pair", "sub-1": "pair"}
    assert answers(table, mixed)[0]["exchanged"] == "subjects with equally many scans"


def test_the_seed_decides_and_the_order_of_rows_does_not_matter():
    table = pairs(4, 8, link=0.5)
    first, second = answers(table)[0], answers(table)[0]
    assert first == second
    by_subject = table.sort_values("structure", ascending=False, kind="stable")
    other = answers(by_subject)[0]["pearson"]["within_structure"]
    assert other == pytest.approx(first["pearson"]["within_structure"])


@pytest.mark.parametrize(("n_structures", "n_subjects"), [(1, 1), (1, 2), (2, 2), (16, 2), (3, 4)])
def test_tiny_cohorts_give_numbers_or_named_gaps(n_structures, n_subjects):
    tree, rows = answers(pairs(n_structures, n_subjects))
    kept, gaps = without_gaps(tree)
    assert len(rows) == 2 * 2 * (n_structures + 4)
    if n_subjects < 3:
        assert "pearson.per_structure_mean.p" in gaps
        assert "pearson.pooled.low" in gaps
    else:
        assert np.isfinite(kept["pearson"]["within_structure"]["p"])
        assert "pearson.per_structure_mean.r" in gaps  # of four subjects
        assert kept["smallest_p"] == pytest.approx(1 / 24)


def test_the_largest_of_many_has_a_p_of_the_largest_of_many():
    """Nine summaries that know nothing: the best of nine is not judged as one of one."""
    generator = np.random.default_rng(0)
    single, largest, n_cohorts = 0, 0, 60
    for seed in range(n_cohorts):
        table = pairs(3, 8, seed=seed)
        tree, rows = infer(table, list(SUMMARIES), "cv", alone(table), 99, 0.95, generator)
        within = rows[(rows["scope"] == "within_structure") & (rows["estimate"] == "pearson")]
        found = tree["pearson"]["largest"]["within_structure"]
        assert found["r"] == pytest.approx(within["value"].abs().max())
        assert found["p"] >= within["p"].min() - 1e-9
        single += within["p"].min() <= 0.05
        largest += found["p"] <= 0.05
    assert single > 2 * largest
    assert largest <= 0.05 * n_cohorts + 3 * np.sqrt(0.05 * n_cohorts)


def test_a_constant_predictor_is_undefined():
    table = pairs(3, 6).assign(mean=0.1)[["structure", "subject", "cv", "mean", "std"]]
    tree, rows = answers(table)
    own = rows[(rows["statistic"] == "mean")]
    assert own[["value", "low", "high", "p"]].isna().all(axis=None)
    assert np.isnan(tree["pearson"]["pooled"]["r"])
