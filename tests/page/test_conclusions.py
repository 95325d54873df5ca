"""Which conclusions hold by both segmenters follows from the numbers of both."""

from typing import Any

import pytest

from stages.figures.kit import sample
from stages.figures.kit.facts import Facts
from stages.page.conclusions import View, conclusions, paragraph, verdict
from tests.page.results import CV, around, facts, metrics, within

SHOWN = {"r": 0.6, "low": 0.3, "high": 0.8, "p": 0.002}
WEAK = {"r": 0.0, "low": -0.2, "high": 0.2, "p": 0.9}
GROUPS = tuple(CV)
SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def _enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five subjects are enough for a conclusion."""
    monkeypatch.setattr(sample, "FEW_SUBJECTS", 5)


def by(second: Facts, first: Facts | None = None) -> tuple[View, View]:
    """Two views: one of the results as they are unless told, and another."""
    return View(first or facts(), "SynthSeg", "SynthSeg"), View(second, "atlas", "the atlas")


def changed(group: str, cv: float | None = None, bias: dict[str, float] | None = None) -> Facts:
    """The results with another CV or bias of one architecture, all leads statistically sure."""
    tree = metrics()
    volumes = tree["volumes"]
    if cv is not None:
        volumes[group]["cv"] = {"median": cv}
        lead(volumes, "cv_difference", {g: volumes[g]["cv"]["median"] for g in GROUPS})
    if bias is not None:
        volumes[group]["bias"] = bias
        sizes = {g: sum(map(abs, volumes[g]["bias"].values())) / 2 for g in GROUPS}
        lead(volumes, "absolute_bias_difference", sizes)
    return facts(tree)


def lead(volumes: dict[str, Any], name: str, values: dict[str, float], reach: float = 0.1) -> None:
    """Set the differences of all pairs of architectures."""
    for first in GROUPS:
        for second in GROUPS:
            if first != second:
                apart = around(values[first] - values[second], reach)
                volumes[first][name][second] = apart


def unsure() -> Facts:
    """The results with intervals of all differences that hold 0."""
    tree = metrics()
    for name in ("cv_difference", "absolute_bias_difference"):
        lead(tree["volumes"], name, dict.fromkeys(GROUPS, 0.0))
    return facts(tree)


def sentence(views: tuple[View, View], number: int) -> tuple[bool, str]:
    """Return one of the three conclusions."""
    found = conclusions(*views)[number]
    return found.held, found.sentence


def test_the_same_numbers_give_the_same_conclusions() -> None:
    found = conclusions(*by(facts()))
    # that neither shows a prediction is no conclusion
    assert [each.held for each in found] == [True, True, False]
    assert verdict(found) == f"2 of 3{SPACE}conclusions hold by both segmenters."
    assert paragraph(found).startswith(
        "By both VarNet has the lowest CV (statistically significant)."
    )


def test_another_order_of_variability_rests_on_the_segmenter() -> None:
    assert sentence(by(changed("rim", cv=0.1)), 0) == (
        False,
        "Which architecture has the lowest CV depends on the segmenter: VarNet by SynthSeg"
        " (statistically significant) and RIM by the atlas (statistically significant).",
    )


def test_a_lead_that_is_sure_by_one_only_is_no_conclusion_by_both() -> None:
    held, text = sentence(by(unsure()), 0)
    assert not held
    assert "VarNet by SynthSeg (statistically significant) and VarNet by the atlas (not" in text
    assert sentence(by(unsure(), unsure()), 0) == (
        False,
        "Neither segmenter shows which architecture has the lowest CV (lowest in this cohort:"
        " VarNet by SynthSeg, VarNet by the atlas).",
    )


def test_the_most_biased_may_be_another_or_none() -> None:
    held, text = sentence(by(facts()), 1)
    assert held
    assert text == (
        "By both UNet is the most biased, statistically significant (median absolute bias of UNet"
        f" 5.0{SPACE}% by SynthSeg and median absolute bias of UNet 5.0{SPACE}% by the atlas)."
    )
    other = changed("rim", bias={"hippocampus": 20.0, "putamen": 20.0})
    held, text = sentence(by(other), 1)
    assert not held
    assert "UNet by SynthSeg and RIM by the atlas" in text
    held, text = sentence(by(unsure()), 1)
    assert not held
    assert "UNet by SynthSeg and none by the atlas" in text
    held, text = sentence(by(unsure(), unsure()), 1)
    assert not held
    assert text.startswith("Neither segmenter shows which architecture is the most biased")


@pytest.mark.parametrize(
    ("first", "second", "held", "said"),
    [
        ({}, {}, False, "is shown by neither; neither excludes it."),
        ({"rim": SHOWN}, {"rim": SHOWN}, True, "in RIM (statistically significant)."),
        ({}, {"rim": SHOWN}, False, "rests on the segmenter: none by SynthSeg and RIM by the"),
        ({"unet": SHOWN}, {"rim": SHOWN}, False, "UNet by SynthSeg and RIM by the atlas."),
        ({}, dict.fromkeys(("unet", "varnet", "rim"), WEAK), False, "only the atlas excludes it."),
        (
            dict.fromkeys(("unet", "varnet", "rim"), WEAK),
            dict.fromkeys(("unet", "varnet", "rim"), WEAK),
            True,
            "then weakly.",
        ),
    ],
)
def test_prediction_holds_or_rests_on_one(
    first: dict[str, Any], second: dict[str, Any], held: bool, said: str
) -> None:
    found = sentence(by(within(**second), within(**first)), 2)
    assert found[0] == held
    assert found[1].endswith(said) or said in found[1]


def test_nothing_holds_of_few_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "FEW_SUBJECTS", 6)
    shown = within(**dict.fromkeys(("unet", "varnet", "rim"), SHOWN))
    assert not any(each.held for each in conclusions(*by(shown, shown)))


def test_what_holds_comes_first() -> None:
    found = conclusions(*by(changed("rim", cv=0.1)))
    assert verdict(found) == f"1 of 3{SPACE}conclusions holds by both segmenters."
    text = paragraph(found)
    assert text.index("most biased") < text.index("lowest CV")
    assert verdict(found[:1] + conclusions(*by(facts()))[:1]).startswith("1 of 2")


def test_one_architecture_and_nothing_measured_conclude_nothing() -> None:
    single = facts(groups=("unet",))
    assert [each.held for each in conclusions(*by(single, single))] == [False]
    empty = facts({})
    assert conclusions(*by(empty, empty)) == []
    assert verdict([]).startswith("Neither variability nor bias")
