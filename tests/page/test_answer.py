"""The answers follow the numbers, and claim no more than those allow."""

from dataclasses import replace

import pytest

from stages.page.answer import answers, bias, certainty, headline, prediction, same_sign, variation
from tests.page.results import BIAS, facts, metrics, within, without

SHOWN = {"r": 0.6, "low": 0.3, "high": 0.8, "p": 0.002}
NO_INTERVAL = {"low": None, "high": None}
WEAK = {"r": 0.0, "low": -0.2, "high": 0.2, "p": 0.9}


def test_a_clear_lead_is_said_to_be_clear() -> None:
    found = variation(facts())
    assert found.verdict == "VarNet varies least, and the lead over RIM is beyond chance."
    assert (
        "VarNet 1.00\N{NO-BREAK SPACE}%, RIM 1.50\N{NO-BREAK SPACE}% and UNet" in found.evidence[0]
    )
    assert "less than any of the architectures" in found.evidence[1]
    assert "to VarNet, is 1.50 (95\N{NO-BREAK SPACE}% interval over exams 1.50" in found.evidence[2]


def test_a_lead_that_one_member_makes_is_no_clear_lead() -> None:
    found = facts()
    table = found.outliers.copy()
    table.loc[(table["group"] == "varnet") & (table["member"] == 3), "cv_without"] = 1.6
    assert "not beyond what" in variation(replace(found, outliers=table)).verdict


def test_a_lead_that_scans_contradict_is_no_clear_lead() -> None:
    found = facts()
    table = found.cv.copy()
    late = table["subject"].isin(["sub-d", "sub-e"]) & (table["group"] == "varnet")
    table.loc[late, "cv"] = 3.0
    assert "not beyond what" in variation(replace(found, cv=table)).verdict


def test_one_architecture_has_no_rival() -> None:
    found = variation(facts(groups=("unet",)))
    assert found.verdict.startswith("Only UNet was studied")


def test_bias_names_the_worst_structure_and_its_sign() -> None:
    found = bias(facts())
    assert found.verdict.startswith("All are biased against the fully sampled scans: UNet by 5.0")
    assert "most in the hippocampus (−8.0\N{NO-BREAK SPACE}%)" in found.verdict
    assert "most in the putamen (−3.0\N{NO-BREAK SPACE}%)" in found.verdict
    assert found.evidence[-1].startswith("True volumes are not known here")


def test_what_noise_does_too_is_no_bias() -> None:
    tree = metrics()
    tree["volumes"]["noise"]["bias"] = {"hippocampus": 9.0, "putamen": 9.0}
    assert bias(facts(tree)).verdict.startswith("None is biased more than noise")
    tree["volumes"]["noise"]["bias"] = {"hippocampus": 1.0, "putamen": -1.0}
    assert bias(facts(tree)).verdict.startswith("UNet and VarNet are biased")


def test_true_volumes_are_told_where_they_are_known() -> None:
    part = {"below_all": 0.5, "above_all": 0.25, "outside_expected": 0.4}
    tree = metrics() | {"calibration": {"truth": {"unet": part}}}
    assert "in 75\N{NO-BREAK SPACE}% of" in bias(facts(tree)).evidence[-1]


def test_signs_are_counted_over_exams() -> None:
    found = facts()
    assert same_sign(found, "unet") == (2, 2)
    table = found.bias.copy()
    first = (table["subject"] == "sub-a") & (table["structure"] == "putamen")
    table.loc[first, "bias"] = -BIAS["unet"]["putamen"]
    assert same_sign(replace(found, bias=table), "unet") == (1, 2)
    two = {subject: "ab"[k % 2] for k, subject in enumerate(found.exams)}
    assert same_sign(replace(found, exams=two), "unet") == (0, 0)


@pytest.mark.parametrize(
    ("changes", "start", "part"),
    [
        (
            {},
            "That voxelwise uncertainty foretells",
            "is not shown in UNet, VarNet or RIM, and not",
        ),
        (dict.fromkeys(("unet", "varnet", "rim"), SHOWN), "Yes: in UNet, VarNet and RIM", "beyond"),
        ({"rim": SHOWN}, "In part: in RIM", "in UNet and VarNet that is not shown"),
        (dict.fromkeys(("unet", "varnet", "rim"), WEAK), "No:", "0.3 or more are excluded"),
        ({"rim": WEAK}, "That voxelwise", "not excluded"),
        ({"rim": SHOWN | {"p": 0.2}}, "That voxelwise", "not excluded"),
        (
            dict.fromkeys(("unet", "varnet", "rim"), NO_INTERVAL),
            "That voxelwise",
            "not excluded",
        ),
    ],
)
def test_the_verdict_on_prediction(changes: dict, start: str, part: str) -> None:
    verdict = prediction(within(**changes)).verdict
    assert verdict.startswith(start)
    assert part in verdict


def test_regressions_are_compared_with_knowing_the_structure() -> None:
    lines = prediction(facts()).evidence
    assert any("less than merely knowing the structure explains (70" in line for line in lines)
    tree = metrics()
    tree["prediction"]["rim"]["controls"]["structure_means"] = 0.3
    lines = prediction(facts(tree)).evidence
    assert any("which compares with what merely knowing" in line for line in lines)
    assert any("RIM: best of 2 surrogates is the volume's first-order" in line for line in lines)


def test_a_low_ceiling_is_the_first_thing_to_say() -> None:
    assert "a perfect predictor could explain 60" in certainty(facts()).verdict
    tree = metrics()
    for group in tree["inference"].values():
        group["ceiling"]["within_structure"] = {"analytic": {"value": 0.04}}
    assert "correlate by no more than 0.20" in certainty(facts(tree)).verdict


def test_simulated_heads_say_nothing_of_scanners() -> None:
    assert "says nothing of scanners" in certainty(facts()).verdict
    tree = metrics() | {"paper": {"cohort": "other"}}
    assert "scanners" not in certainty(facts(tree)).verdict


@pytest.mark.parametrize("files", [tuple(metrics()), *[(name,) for name in metrics()]])
def test_what_was_not_measured_is_said(files: tuple[str, ...]) -> None:
    found = without(*files)
    written = " ".join(a.verdict + " ".join(a.evidence) for a in answers(found))
    assert "None" not in written
    assert "nan" not in written
    assert len(headline(found)) == len(found.groups)
    if "volumes" in files:
        assert "The variation of volumes was not measured. Bias was not measured." in " ".join(
            a.verdict for a in answers(found)
        )
    if "inference" in files:
        assert prediction(found).verdict == "This was not tested."
