"""Which architecture is biased, and where, follows the numbers and their intervals."""

from stages.page.answers.most_biased import bias, biased_structures, certain_most, largest_bias
from tests.page.results import around, biased, facts, metrics


def test_bias_names_the_structures_and_their_intervals() -> None:
    found = bias(facts())
    assert found.verdict.startswith("Shown to be biased against the fully sampled scans")
    assert (
        "UNet in 2 of 2 (hippocampus −8.0\N{NO-BREAK SPACE}%, −8.4 to −7.6; putamen"
        in found.verdict
    )
    assert "UNet 5.00\N{NO-BREAK SPACE}% (4.60 to 5.40)" in found.evidence[0]
    assert "UNet less VarNet, is 3.00 percentage points (2.60 to 3.40)" in found.evidence[1]
    assert found.evidence[-1].startswith("True volumes are not known here")
    assert certain_most(facts()) == "unet"


def test_an_interval_that_holds_zero_or_what_noise_does_shows_no_bias() -> None:
    tree = metrics()
    tree["volumes"]["noise"] |= biased({"hippocampus": 9.0, "putamen": 9.0}, 0.1)
    assert bias(facts(tree)).verdict.startswith("No architecture is shown to be biased")
    # -8 and 2: noise shifts by 1, the interval ends at 1.2; then wider by 0.3
    tree["volumes"]["noise"] |= biased({"hippocampus": 1.0, "putamen": -1.0}, 0.1)
    tree["volumes"]["unet"]["mean_bias"]["putamen"] = around(2.0, 0.8)
    assert list(biased_structures(facts(tree), "unet")) == ["hippocampus", "putamen"]
    tree["volumes"]["unet"]["mean_bias"]["putamen"] = around(2.0, 1.1)
    assert list(biased_structures(facts(tree), "unet")) == ["hippocampus"]
    tree["volumes"]["unet"]["mean_bias"]["hippocampus"] = around(-8.0, 8.1)
    assert not biased_structures(facts(tree), "unet")


def test_a_lead_whose_interval_holds_zero_is_not_sure() -> None:
    tree = metrics()
    tree["volumes"]["unet"]["absolute_bias_difference"]["varnet"] = around(3.0, 3.1)
    assert certain_most(facts(tree)) is None
    assert "not statistically significant" in bias(facts(tree)).evidence[1]


def test_biases_without_intervals_show_nothing() -> None:
    tree = metrics()
    for group in ("unet", "varnet", "rim"):
        tree["volumes"][group] = {"bias": tree["volumes"][group]["bias"]}
    assert "biases have no intervals" in bias(facts(tree)).verdict
    assert largest_bias(facts(tree), "unet") == "Hippocampus −8.0"
    assert largest_bias(facts(), "unet") == "Hippocampus −8.0 (−8.4 to −7.6)"


def test_the_reference_comes_before_the_truth_and_noise_stands_beside_it() -> None:
    part = {"outside": {"value": 0.75, "low": 0.6, "high": 0.9}, "outside_expected": 0.4}
    tree = metrics()
    tree["calibration"] = {"reference": {"unet": part}, "truth": {"unet": part, "noise": part}}
    *_, reference, truth, baseline = bias(facts(tree)).evidence
    assert "whose fully sampled volume lies outside" in reference
    assert "UNet 75\N{NO-BREAK SPACE}% (60\N{NO-BREAK SPACE}% to" in truth
    assert "Noise 75" in truth
    assert "the segmenter's, not the reconstruction's" in baseline
