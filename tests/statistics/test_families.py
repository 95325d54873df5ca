"""Every p-value belongs to a family, and is adjusted within it as statsmodels and scipy do."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from stages.statistics.answer import Answer, Tree, look_up
from stages.statistics.catalogue import QUESTIONS
from stages.statistics.families import (
    ADJUSTED,
    FAMILIES,
    FAMILY,
    HOLM,
    PRIMARY,
    adjusted,
    places,
    with_families,
)


def leaf(p: float) -> Tree:
    return {"value": 1.0, "p": p}


def test_adjusted_values_are_those_of_scipy_and_gaps_do_not_count():
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.9])
    found = adjusted(p)
    assert np.isnan(found[1])
    known = np.isfinite(p)
    assert found[known] == pytest.approx(false_discovery_control(p[known]))
    assert adjusted(np.array([0.01, 0.04, 0.02]), HOLM) == pytest.approx([0.03, 0.04, 0.04])
    assert np.isnan(adjusted(np.full(3, np.nan))).all()
    assert len(adjusted(np.empty(0))) == 0


def test_a_family_spans_groups_and_leaves_controls_to_themselves():
    groups = {"unet": 0.02, "rim": 0.04, "noise": 1e-9}
    metrics = {g: {"equivalence": {"caudate": leaf(p)}} for g, p in groups.items()}
    found = with_families({"agreement": Answer(metrics)}, {"noise"})["agreement"].metrics
    of = {g: look_up(found, g, "equivalence", "caudate") for g in groups}
    assert {g: each[FAMILY] for g, each in of.items()} == {
        "unet": "equivalence",
        "rim": "equivalence",
        "noise": "equivalence_controls",
    }
    assert [of[g][ADJUSTED] for g in groups] == pytest.approx([0.04, 0.04, 1e-9])


def test_the_primary_endpoint_is_adjusted_by_holm_and_alone():
    def network(primary: float, other: float) -> Tree:
        return {"cv": {"std_mean": {"within": leaf(primary)}, "std_max": {"within": leaf(other)}}}

    metrics = {"unet": network(0.01, 0.5), "varnet": network(0.03, 0.5), "rim": network(0.04, 0.5)}
    found = with_families({"slopes": Answer(metrics)})["slopes"].metrics
    primary = [look_up(found, g, "cv", "std_mean", "within") for g in metrics]
    assert {each[FAMILY] for each in primary} == {PRIMARY.name}
    assert [each[ADJUSTED] for each in primary] == pytest.approx([0.03, 0.06, 0.06])
    assert look_up(found, "unet", "cv", "std_max", "within", FAMILY) == "variability"


def test_a_question_without_family_is_one_and_undefined_tests_have_none():
    answers = {"new": Answer({"unet": leaf(0.2) | {"inner": leaf(float("nan"))}}), "old": Answer()}
    found = with_families(answers)
    assert look_up(found["new"].metrics, "unet", FAMILY) == "new"
    assert FAMILY not in look_up(found["new"].metrics, "unet", "inner")
    assert FAMILY not in look_up(answers["new"].metrics, "unet")
    assert found["old"].metrics == {}


def test_adjusting_twice_changes_nothing():
    answers = {"inference": Answer({"unet": leaf(0.01), "rim": leaf(0.2)})}
    once = with_families(answers)
    assert with_families(once) == once


def test_places_of_p_values_are_found_at_any_depth():
    tree = {"a": {"p": 0.5, "b": {"p": 1}}, "p": 0.1, "c": {"p": "text"}}
    assert dict(places(tree)) == {("a",): 0.5, ("a", "b"): 1.0, (): 0.1}


def test_families_have_names_of_their_own():
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    known = {*QUESTIONS, PRIMARY.question}
    assert {family.question for family in FAMILIES} <= known
