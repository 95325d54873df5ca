"""The verdict on prediction claims no more than the intervals allow."""

import pytest

from stages.figures.kit import sample
from stages.page.answers.predictability import left_out, prediction
from tests.page.results import facts, metrics, within

SHOWN = {"r": 0.6, "low": 0.3, "high": 0.8, "p": 0.002}
NO_INTERVAL = {"low": None, "high": None}
WEAK = {"r": 0.0, "low": -0.2, "high": 0.2, "p": 0.9}


@pytest.mark.parametrize(
    ("changes", "start", "part"),
    [
        (
            {},
            "That voxelwise uncertainty predicts",
            "is not shown in UNet, VarNet or RIM, and not",
        ),
        (
            dict.fromkeys(("unet", "varnet", "rim"), SHOWN),
            "Yes: in UNet, VarNet and RIM",
            "statistically significant",
        ),
        ({"rim": SHOWN}, "In part: in RIM", "in UNet and VarNet that is not shown"),
        (
            dict.fromkeys(("unet", "varnet", "rim"), WEAK),
            "If voxelwise",
            "then weakly",
        ),
        ({"rim": WEAK}, "That voxelwise", "not excluded"),
        ({"rim": SHOWN | {"p": 0.2}}, "That voxelwise", "not excluded"),
        (
            dict.fromkeys(("unet", "varnet", "rim"), NO_INTERVAL),
            "That voxelwise",
            "not excluded",
        ),
    ],
)
def test_the_verdict_on_prediction(
    changes: dict, start: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "FEW_SUBJECTS", 5)
    verdict = prediction(within(**changes)).verdict
    assert verdict.startswith(start)
    assert part in verdict


def test_few_subjects_exclude_nothing() -> None:
    weak = within(**dict.fromkeys(("unet", "varnet", "rim"), WEAK))
    assert "and not excluded" in prediction(weak).verdict


@pytest.mark.parametrize(
    ("fractions", "said"),
    [([-0.9, -0.1], "none"), ([-0.9, 0.41], "none to 41 %"), ([0.1, 0.2], "10 to 20 %")],
)
def test_left_out_subjects_are_explained_or_not(fractions: list[float], said: str) -> None:
    assert left_out(fractions).replace("\N{NO-BREAK SPACE}", " ") == said


def plain(lines: tuple[str, ...]) -> list[str]:
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def test_regressions_stand_beside_their_baselines() -> None:
    lines = plain(prediction(facts()).evidence)
    assert (
        "As the paper reads them, pooled over structures and in sample, histograms and summaries"
        " explain 40 to 50 %, and none in leave-one-subject-out cross-validation; in sample, the"
        " same predictors of another subject 45 %, the structure alone 70 % and the size of its"
        " volume alone 60 %."
    ) in [line.replace("\N{MINUS SIGN}", "-") for line in lines]


def test_surrogates_of_the_other_half_stand_beside_the_size() -> None:
    lines = plain(prediction(facts()).evidence)
    assert (
        "RIM, over all structures, r of half of the members with ln CV of the other half: the mean"
        " voxelwise SD 0.10 (0.00 to 0.20), the volume's first-order change 0.50"
        " (0.40 to 0.60) and the size of the volume itself -0.80 (-0.90 to -0.70)."
    ) in [line.replace("\N{MINUS SIGN}", "-") for line in lines]


def test_what_could_not_be_significant_is_said() -> None:
    tree = metrics()
    assert not any("so few ways" in line for line in prediction(facts(tree)).evidence)
    for group in tree["inference"].values():
        group["smallest_p"] = 1 / 24
    (line,) = [one for one in plain(prediction(facts(tree)).evidence) if "so few ways" in one]
    assert "no p is below 0.042" in line


def test_what_is_not_shown_is_told_with_its_interval() -> None:
    assert (
        "between halves of the members allow r of \N{MINUS SIGN}0.60 to 0.70."
        in prediction(facts()).verdict
    )


def test_the_same_members_predict_nothing() -> None:
    """Their correlation is 0.9, that of disjoint halves 0.1."""
    assert not any("r = 0.90" in line for line in prediction(facts()).evidence)


def test_the_primary_endpoint_stands_first_with_its_interval() -> None:
    first = plain(prediction(facts()).evidence)[0].replace("\N{MINUS SIGN}", "-")
    assert first.startswith("The primary endpoint, the slope within structures of ln CV")
    assert "UNet 0.10 (-0.60 to 0.70, adjusted p = 0.50)" in first


def test_a_correlation_alone_is_no_prediction() -> None:
    tree = metrics()
    for group in tree["inference"].values():
        group["split_half_prediction"] = {"disjoint": {"within_structure": SHOWN}}
    assert "is not shown in UNet, VarNet or RIM" in prediction(facts(tree)).verdict
