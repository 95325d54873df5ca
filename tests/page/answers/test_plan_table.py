"""The table of the plan's questions: which are answered, which way, and what n would."""

from typing import Any

import pytest

from stages.page.answers import plan_table as table
from stages.page.answers.plan_table import OneTest, family_tests, needed, plan_table
from stages.statistics.families import FAMILIES


def leaf(family: str, adjusted: float, **estimate: float) -> dict[str, Any]:
    """Return a test as metrics hold it."""
    return {"p": adjusted / 2, "family": family, "adjusted": adjusted, **estimate}


def tree(**adjusted: float) -> dict[str, Any]:
    """Return metrics of primary tests, one a network, and of equivalence."""
    slopes = {
        name: {"cv": {"std_mean": {"within": leaf("primary", p, value=0.5, low=-0.1, high=1.1)}}}
        for name, p in adjusted.items()
    }
    noise = {"cv": {"std_mean": {"within": leaf("primary_controls", 0.001, value=1.0)}}}
    same = {"cortex": leaf("equivalence", 0.01), "caudate": leaf("equivalence", 0.4)}
    return {"slopes": slopes | {"noise": noise}, "agreement": {"unet": {"equivalence": same}}}


def rows(content: dict[str, Any], n_subjects: int = 12) -> list[list[str]]:
    """Return the rows, with plain spaces."""
    found = plan_table(content, n_subjects, alpha=0.05).to_numpy().tolist()
    return [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in found]


def test_every_family_of_the_plan_has_its_question() -> None:
    assert {*table.WORDS} == {family.name for family in FAMILIES}


def test_of_few_subjects_nothing_is_answered() -> None:
    first, second = rows(tree(unet=0.01, rim=0.3), n_subjects=5)
    assert first[1:] == ["2", "not answered: 5 subjects, at least 10", "0.010", "at least 10"]
    assert second[2].startswith("not answered")


def test_controls_are_no_tests_of_the_networks() -> None:
    assert len(family_tests(tree(unet=0.01))["primary"]) == 1


def test_what_is_significant_is_an_answer_with_its_way() -> None:
    first, second = rows(tree(unet=0.01, rim=0.3))
    assert first[2] == "yes, in 1 of 2 (1 positive)" and first[4] == "\N{EN DASH}"
    assert second[2] == "yes, 1 of 2 structures of a network"
    content = tree(unet=0.01)
    content["slopes"]["unet"]["cv"]["std_mean"]["within"]["value"] = -0.5
    assert rows(content)[0][2] == "yes, in 1 of 1 (1 negative)"
    first, _ = rows(tree(unet=0.2, rim=0.3))
    assert first[2] == "not answered: no test is significant"


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        ({"value": 0.5, "low": -0.5, "high": 1.5}, "at least 80"),  # half-width twice the estimate
        ({"r": -0.25, "low": -0.5, "high": 0.0}, "at least 20"),
        ({"value": 0.01, "low": -5.0, "high": 5.0}, "more than 100"),
        ({"value": 0.5}, "\N{EN DASH}"),
        ({"value": 0.0, "low": -1.0, "high": 1.0}, "\N{EN DASH}"),
        ({"value": 0.5, "low": float("nan"), "high": 1.0}, "\N{EN DASH}"),
        ({}, "\N{EN DASH}"),
    ],
)
def test_subjects_are_those_whose_interval_would_leave_0_out(estimate, words) -> None:
    assert needed(20, OneTest("slopes", ("unet",), leaf("primary", 0.4, **estimate))).startswith(
        words
    )
