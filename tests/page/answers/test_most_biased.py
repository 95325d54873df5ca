"""Which architecture is biased, and where, follows the numbers."""

from dataclasses import replace

from stages.page.answers.most_biased import bias, same_sign
from tests.page.results import BIAS, facts, metrics


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


def test_signs_are_counted_over_subjects() -> None:
    found = facts()
    assert same_sign(found, "unet") == (2, 2)
    table = found.bias.copy()
    first = (table["subject"] == "sub-a") & (table["structure"] == "putamen")
    table.loc[first, "bias"] = -BIAS["unet"]["putamen"]
    assert same_sign(replace(found, bias=table), "unet") == (1, 2)
    two = {subject: "ab"[k % 2] for k, subject in enumerate(found.subject_of)}
    assert same_sign(replace(found, subject_of=two), "unet") == (0, 0)
