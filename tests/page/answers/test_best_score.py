"""The verdict on scores of images claims what is significant, and else what n could show."""

from typing import Any

from stages.figures.kit.facts import Facts
from stages.page.answers.best_score import best_score
from tests.page.results import facts, metrics

IDLE = {"spearman": 0.1, "low": -0.3, "high": 0.4, "p": 0.5, "adjusted": 0.7, "critical": 0.45}
STRONG = {"spearman": 0.6, "low": 0.3, "high": 0.8, "p": 0.002, "adjusted": 0.02, "critical": 0.4}
OTHER = {"wrong_subject": {"spearman": 0.2, "p": 0.04}}


def scored(leaves: dict[str, dict[str, Any]], target: str = "reference") -> Facts:
    """Return facts with the coefficients of some scores."""
    return facts(metrics() | {"image_scores": {"all": {target: leaves, "undefined": 0}}})


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_what_is_significant_is_named_with_its_interval() -> None:
    answer = best_score(scored({"vif": STRONG | OTHER, "psnr": IDLE}))
    assert plain(answer.verdict) == (
        "Among the images of a scan by one architecture, the error of the volumes is related to VIF"
        " (ρ = 0.60 (0.30 to 0.80, adjusted p = 0.02)): statistically significant among 2 scores"
        " tested."
    )
    (line,) = answer.evidence
    assert "the largest of 2 coefficients is that of VIF: ρ = 0.60" in plain(line)
    assert "another subject's images by the same members, ρ = 0.20." in line


def test_nothing_significant_is_told_with_what_could_have_been() -> None:
    answer = best_score(scored({"vif": IDLE | {"critical": 0.5}, "psnr": IDLE}))
    assert plain(answer.verdict) == (
        "That any of 2 scores predicts which image of a scan has the more biased volumes is not"
        " shown, and not excluded. No |ρ| below 0.45 could have been significant."
    )
    few = {key: value for key, value in IDLE.items() if key in ("spearman", "p", "adjusted")}
    assert "So few members can make no" in best_score(scored({"vif": few})).verdict


def test_what_was_not_tested_is_said() -> None:
    assert best_score(facts()).verdict == "This was not tested."
    assert best_score(scored({"vif": {"images": 0}})).verdict == "This was not tested."
