"""Which conclusions hold by both segmenters follows from the numbers of both."""

from dataclasses import replace
from typing import Any

import pytest

from stages.figures.kit.facts import Facts
from stages.page.conclusions import View, conclusions, paragraph, verdict
from tests.page.results import facts, metrics, within

SHOWN = {"r": 0.6, "low": 0.3, "high": 0.8, "p": 0.002}
WEAK = {"r": 0.0, "low": -0.2, "high": 0.2, "p": 0.9}
SPACE = "\N{NO-BREAK SPACE}"


def by(second: Facts, first: Facts | None = None) -> tuple[View, View]:
    """Two views: one of the results as they are unless told, and another."""
    return View(first or facts(), "SynthSeg", "SynthSeg"), View(second, "atlas", "the atlas")


def changed(group: str, cv: float | None = None, bias: dict[str, float] | None = None) -> Facts:
    """The results with another CV or bias of one architecture."""
    tree = metrics()
    found = facts(tree)
    if cv is not None:
        tree["volumes"][group]["cv"] = {"median": cv}
        table = found.cv.copy()
        table.loc[table["group"] == group, "cv"] = cv
        outliers = found.outliers.copy()
        outliers.loc[outliers["group"] == group, "cv_without"] = cv
        found = replace(found, cv=table, outliers=outliers)
    if bias is not None:
        tree["volumes"][group]["bias"] = bias
    return found


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
        "By both VarNet varies least, a statistically significant lead by both."
    )


def test_another_order_of_variability_rests_on_the_segmenter() -> None:
    assert sentence(by(changed("rim", cv=0.1)), 0) == (
        False,
        "Which architecture varies least rests on the segmenter: VarNet by SynthSeg"
        " (statistically significant) and RIM by the atlas (statistically significant).",
    )


def test_a_lead_that_is_sure_by_one_only_is_said_to_be() -> None:
    found = facts()
    table = found.outliers.copy()
    table.loc[(table["group"] == "varnet") & (table["member"] == 3), "cv_without"] = 1.6
    unsure = replace(found, outliers=table)
    assert "a statistically significant lead by SynthSeg only." in sentence(by(unsure), 0)[1]
    assert "a statistically significant lead by neither." in sentence(by(unsure, unsure), 0)[1]


def test_the_most_biased_may_be_another_or_none() -> None:
    held, text = sentence(by(facts()), 1)
    assert held
    assert text == (
        f"By both UNet is the most biased (median absolute bias 5.0{SPACE}% by SynthSeg,"
        f" 5.0{SPACE}% by the atlas)."
    )
    other = changed("rim", bias={"hippocampus": 20.0, "putamen": 20.0})
    held, text = sentence(by(other), 1)
    assert not held
    assert "UNet by SynthSeg and RIM by the atlas" in text
    tree = metrics()
    tree["volumes"]["noise"]["bias"] = {"hippocampus": 9.0, "putamen": 9.0}
    held, text = sentence(by(facts(tree)), 1)
    assert not held
    assert "UNet by SynthSeg and none beyond noise by the atlas" in text
    assert sentence(by(facts(tree), facts(tree)), 1) == (
        True,
        "By neither is any architecture biased more than noise biases.",
    )


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
            "moderately or more.",
        ),
    ],
)
def test_prediction_holds_or_rests_on_one(
    first: dict[str, Any], second: dict[str, Any], held: bool, said: str
) -> None:
    found = sentence(by(within(**second), within(**first)), 2)
    assert found[0] == held
    assert found[1].endswith(said) or said in found[1]


def test_what_holds_comes_first() -> None:
    found = conclusions(*by(changed("rim", cv=0.1)))
    assert verdict(found) == f"1 of 3{SPACE}conclusions holds by both segmenters."
    text = paragraph(found)
    assert text.index("most biased") < text.index("varies least")
    assert verdict(found[:1] + conclusions(*by(facts()))[:1]).startswith("1 of 2")


def test_one_architecture_and_nothing_measured_conclude_nothing() -> None:
    single = facts(groups=("unet",))
    assert [each.held for each in conclusions(*by(single, single))] == [False]
    empty = facts({})
    assert conclusions(*by(empty, empty)) == []
    assert verdict([]).startswith("Neither variability nor bias")
