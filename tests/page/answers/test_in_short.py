"""The five sentences: never a conclusion of few subjects, and what n could have found."""

from dataclasses import replace
from typing import Any

import pytest

from stages.figures.kit import sample
from stages.figures.kit.facts import Facts
from stages.page.answers.in_short import SENTENCES, in_short
from stages.params.draws import DrawsSection
from stages.statistics.questions.paper import cohort_of
from tests.page.results import facts, metrics, slope, within, without

SHOWN: dict[str, float | None] = {"r": 0.6, "low": 0.3, "high": 0.8, "p": 0.002}
OUTSIDE = {"outside": {"value": 0.75, "low": 0.6, "high": 0.9}, "outside_expected": 0.4}


def sentences(found: Facts) -> list[str]:
    """Return the answers, with plain spaces and signs."""
    return [
        text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")
        for _, text in in_short(found)
    ]


def calibrated() -> dict[str, Any]:
    """Return metrics of ensembles whose range misses the reference too often."""
    tree = {"reference": dict.fromkeys(("unet", "varnet", "rim"), OUTSIDE)}
    return metrics() | {"calibration": tree, "agreement": {"margin_percent": 3.25}}


def test_few_subjects_conclude_nothing_and_tell_what_they_could_have_found() -> None:
    wide = {"r": 0.6, "low": 0.1, "high": 1.1, "p": 0.002}
    strong = within(unet=SHOWN | {"low": 0.2}, varnet=wide, rim=wide)
    assert sentences(strong)[0] == (
        "Undecided: with n = 5 subjects, intervals could exclude 0 only for slopes beyond 0.3 to"
        " 0.5, by network (slope of ln CV on ln SD; 1: CV proportional to SD)."
    )
    found = sentences(facts(calibrated()))
    assert found[1].startswith("Undecided: of 3 relations within structures none is")
    assert "Which structure it is explains 70 % of the CV (R², in sample)." in found[1]
    assert found[3].startswith("Undecided: the fully sampled volume lies outside")
    assert "too few to conclude on any network" in found[4]


def test_enough_subjects_say_yes_or_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "FEW_SUBJECTS", 5)
    assert sentences(within(rim=SHOWN))[0] == (
        "Yes, in 1 of 3 networks: the slope of ln CV on ln SD within structures is statistically"
        " significant in RIM (0.60); n = 5 subjects. In UNet and VarNet it is undecided:"
        " intervals could exclude 0 only for slopes beyond 0.6."
    )
    assert sentences(facts())[0].startswith("Not shown: with n = 5 subjects, intervals could")
    found = sentences(facts(calibrated()))
    assert found[1].startswith("None is shown to: of 3 relations")
    assert found[3].startswith("Not by its spread alone: the fully sampled volume lies outside the")
    assert "75 % of structure-scan pairs; 40 % would be calibrated" in found[3]
    assert "too few" not in found[4]


def test_phantoms_with_diseases_say_nothing_of_scanners() -> None:
    diseased = cohort_of(["sub-headV001", "sub-headV001tumour"])
    tree = {"cohort": diseased, "verdict": "", "n": {}}
    assert "simulated scans of 5 subjects" in sentences(facts(metrics() | {"paper": tree}))[-1]
    tree["cohort"] = cohort_of(["sub-e1", "sub-e2"])
    assert "It holds for" in sentences(facts(metrics() | {"paper": tree}))[-1]


def test_what_is_significant_within_structures_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "FEW_SUBJECTS", 5)
    tree = metrics()
    strong = slope(SHOWN)["cv"]["std_mean"]
    tree["slopes"]["rim"]["cv"]["std_median"] = strong
    for group in ("unet", "rim"):
        tree["slopes"][group]["cv"] |= {"vote_entropy": strong, "surface_distance": strong}
    assert sentences(facts(tree))[1].startswith(
        "Within structures, statistically significant in UNet and RIM: the entropy of the members'"
        " votes and the distance of the members' surfaces; in RIM: the median voxelwise SD."
    )


def test_sizes_stand_beside_repeated_scans_and_a_year_of_disease() -> None:
    text = sentences(facts(calibrated()))[2]
    assert text.startswith("By network: median CV 1.0 to 2.0 % and median absolute bias 0.5 to 5.0")
    # the published value of the hippocampus is a mean absolute difference, and no CV
    assert "test-retest" not in text
    assert "a year of Alzheimer's disease beyond ageing 3.25 % of the hippocampus" in text


def test_small_sizes_are_no_zeros() -> None:
    tree = metrics()
    for name in tree["volumes"]:
        tree["volumes"][name]["cv"]["median"] = 0.04
    assert "median CV 0.04 %" in sentences(facts(tree))[2]


def test_five_questions_are_answered_in_order() -> None:
    assert [question for question, _ in in_short(facts(calibrated()))] == list(SENTENCES)
    assert in_short(without("slopes"))[0][1] == "Not measured in this study."


@pytest.mark.parametrize("files", [tuple(metrics()), ("volumes",), ("slopes",), ("prediction",)])
def test_what_was_not_measured_has_no_sentence(files: tuple[str, ...]) -> None:
    found = in_short(without(*files))
    assert {question for question, _ in found} <= set(SENTENCES)
    assert not any("nan" in text for _, text in found)


def test_scans_of_one_phantom_stand_beside_the_published() -> None:
    found = facts(
        calibrated() | {"volumes": metrics()["volumes"] | {"again": {"cv": {"median": 0.8}}}}
    )
    draws = {"again": {"of": "rim/0", "method": "rescans", "members": (0, 1)}}
    groups = found.ensembles.with_draws(DrawsSection.model_validate(draws))
    assert "between scans of one phantom" not in sentences(found)[2]
    assert "CV between scans of one phantom 0.8 %" in sentences(replace(found, ensembles=groups))[2]
