"""Slopes of a study: a relation that is there, one that is not, halves that share nothing, gaps."""

import time
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.measures.members import halves_of
from stages.statistics.answer import Answer
from stages.statistics.cohort import Cohort
from stages.statistics.questions.slopes import COLUMNS, PRIMARY, ask
from tests.statistics.conftest import cohort_of, ensembles, parameters

STRUCTURES = ("thalamus", "caudate", "putamen", "pallidum", "hippocampus", "amygdala", "brainstem")
SURROGATES = {PRIMARY: "A", "linearised_volume": "B", "vote_entropy": "C"}


def cohort(
    n_scans: int = 8, n_members: int = 12, slope: float = 1.0, seed: int = 0, group: str = "unet"
) -> Cohort:
    """Return volumes whose ln CV has a slope on every predictor within structures."""
    generator = np.random.default_rng(seed)
    shape = (len(STRUCTURES), n_scans)
    scans = [f"s{s}" for s in range(n_scans)]
    x = generator.normal(0, 0.5, shape)
    sizes = 5000 * np.exp(generator.normal(0, 1, (len(STRUCTURES), 1)) + 0 * x)
    sd = 0.02 * np.exp(slope * x + generator.normal(0, 0.3, (len(STRUCTURES), 1)))
    z = generator.normal(size=(n_members, *shape))
    pairs = [(k, s) for k in STRUCTURES for s in scans]
    table = pd.DataFrame(pairs, columns=["structure", "subject"])
    members = [
        table.assign(group=group, member=m, volume_mm3=(sizes * (1 + sd * z[m])).ravel())
        for m in range(n_members)
    ]
    found = [
        table.assign(group=group, surrogate=name, kind=kind, half=half, value=np.exp(x).ravel())
        for half, own in zip("ab", halves_of(list(range(n_members))), strict=True)
        if len(own) > 1
        for name, kind in SURROGATES.items()
    ]
    columns = ["structure", "subject", "group", "surrogate", "kind", "half", "value"]
    return cohort_of(
        ensembles=ensembles((group,), n_members),
        subject_of={name: name for name in scans},
        volumes=pd.concat(members, ignore_index=True),
        reference=table.assign(volume_mm3=sizes.ravel()),
        half_surrogates=pd.concat(found, ignore_index=True)
        if found
        else pd.DataFrame(columns=columns),
    )


def answer(study: Cohort, **changed) -> Answer:
    """Return the answer; warnings are errors."""
    few = {"permutations": 199, "bootstrap_draws": 50, "subsets": 5, "structures": STRUCTURES}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return ask(study, parameters(**few | changed), np.random.default_rng(0))


def test_a_relation_is_found_and_lies_in_its_interval():
    found = answer(cohort()).metrics["unet"]
    within = found["cv"][PRIMARY]["within"]
    assert within["low"] < 1 < within["high"]
    assert within["low"] > 0
    assert within["p"] == pytest.approx(1 / 200)
    assert found["cv"][PRIMARY]["explained"]["within"] > 0.4
    assert found["cv"][PRIMARY]["explained"]["within_wrong_subject"] < 0.1
    assert found["cv"][PRIMARY]["reliability"] == pytest.approx(1)
    assert found["cv"]["noise_ceiling"]["within_structure"]["value"] > 0.4


def test_the_primary_estimate_stands_first():
    study = cohort()
    reverse = study.half_surrogates.iloc[::-1].reset_index(drop=True)
    found = answer(cohort_of(**vars(study) | {"half_surrogates": reverse}))
    assert next(iter(found.metrics["unet"]["cv"])) == PRIMARY
    first = found.tables["slopes"].iloc[0]
    assert first[["target", "surrogate", "slope"]].tolist() == ["cv", PRIMARY, "within"]


def test_without_a_relation_nothing_is_found():
    found = answer(cohort(slope=0.0)).metrics["unet"]["cv"][PRIMARY]
    assert found["within"]["low"] < 0 < found["within"]["high"]
    assert found["within"]["p"] > 0.05
    assert found["explained"]["within"] < 0.1


def test_predictor_and_target_are_of_different_halves():
    # a predictor that is the CV of its own half: only what the halves share is left
    study = cohort(slope=0.0, n_scans=12, n_members=4)
    volumes = study.volumes
    parts = []
    for half, own in zip("ab", halves_of([0, 1, 2, 3]), strict=True):
        mine = volumes[volumes["member"].isin(own)]
        grouped = mine.groupby(["structure", "subject"], sort=False)["volume_mm3"]
        cv = (grouped.std() / grouped.mean()).rename("value").reset_index()
        parts.append(cv.assign(group="unet", surrogate=PRIMARY, kind="C", half=half))
    found = answer(cohort_of(**vars(study) | {"half_surrogates": pd.concat(parts)}))
    within = found.metrics["unet"]["cv"][PRIMARY]["within"]
    assert abs(within["value"]) < 0.4
    assert within["p"] > 0.01


def test_few_subjects_say_what_their_test_can_find():
    found = answer(cohort(n_scans=4, n_members=4)).metrics["unet"]
    assert found["permutations"] == {
        "n": 24,
        "complete": 1,
        "least_p": pytest.approx(1 / 24),
        "can_reject": 1,
    }
    three = answer(cohort(n_scans=3, n_members=4)).metrics["unet"]["permutations"]
    assert (three["n"], three["can_reject"]) == (6, 0)


def test_scans_of_a_subject_change_places_together():
    study = cohort(n_scans=8)
    pairs = {name: f"e{place // 2}" for place, name in enumerate(study.subject_of)}
    found = answer(cohort_of(**vars(study) | {"subject_of": pairs})).metrics["unet"]
    assert (found["n"]["subjects"], found["n"]["scans"]) == (4, 8)
    assert found["permutations"]["n"] == 24


def test_a_metric_is_a_number_of_the_table():
    found = answer(cohort())
    table = found.tables["slopes"]
    assert list(table) == COLUMNS
    rows = table.set_index(["group", "target", "surrogate", "slope"])
    for target in ("cv", "bias"):
        for name in SURROGATES:
            own = found.metrics["unet"][target][name]
            for slope in ("within", "between"):
                row = rows.loc[("unet", target, name, slope)]
                for key, value in own[slope].items():
                    assert row[key] == value
                assert row["n"] == own["n_pairs"]


def test_pairs_without_a_value_are_counted_and_left_out():
    study = cohort()
    surrogates = study.half_surrogates.copy()
    lost = (surrogates["structure"] == "caudate") & (surrogates["subject"] == "s1")
    surrogates.loc[lost & (surrogates["half"] == "a"), "value"] = 0.0
    found = answer(cohort_of(**vars(study) | {"half_surrogates": surrogates})).metrics["unet"]
    own = found["cv"][PRIMARY]
    assert (own["n_pairs"], own["n_undefined"]) == (2 * 56 - 1, 1)
    assert np.isfinite(own["within"]["low"])


@pytest.mark.parametrize("n_members", [2, 3])
def test_halves_without_a_cv_give_no_slope(n_members):
    found = answer(cohort(n_members=n_members)).metrics["unet"]
    assert "value" not in found["cv"].get(PRIMARY, {}).get("within", {})
    assert found["undefined"] > 0
    assert found["n"]["members"] == n_members


@settings(max_examples=25)
@given(
    st.integers(0, 1000),
    st.integers(1, 4),
    st.sampled_from([2, 3, 4, 5]),
    st.sampled_from([0.0, 0.3, 0.9]),
)
def test_any_gaps_give_numbers_or_counted_gaps(seed, n_scans, n_members, missing):
    study = cohort(n_scans, n_members, seed=seed)
    generator = np.random.default_rng(seed)
    tables = {
        name: getattr(study, name)[generator.random(len(getattr(study, name))) >= missing]
        for name in ("volumes", "half_surrogates", "reference")
    }
    study = cohort_of(**vars(study) | tables)
    if len(study.volumes):
        found = answer(study)
        for row in found.tables["slopes"].itertuples():
            assert np.isnan(row.low) == np.isnan(row.high)
            assert np.isnan(row.p) or 0 < row.p <= 1


def test_the_order_of_rows_does_not_matter():
    study = cohort(n_members=4)
    shuffled = study.half_surrogates.sample(frac=1, random_state=1)
    again = answer(cohort_of(**vars(study) | {"half_surrogates": shuffled})).metrics["unet"]
    expected = answer(study).metrics["unet"]["cv"]
    for name in SURROGATES:
        for scope in ("within", "between"):
            assert again["cv"][name][scope] == pytest.approx(expected[name][scope])


def test_full_size_takes_seconds():
    study = cohort(20, 12)
    start = time.process_time()
    answer(study, permutations=999, bootstrap_draws=1000, subsets=200)
    assert time.process_time() - start < 25
