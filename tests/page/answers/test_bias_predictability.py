"""The verdict on |bias| claims what is significant after adjustment, and else what n could show."""

from typing import Any

from stages.figures.kit.facts import Facts
from stages.page.answers.bias_predictability import COUPLED, bias_prediction
from tests.page.results import facts, metrics

IDLE = {"r": 0.1, "low": -0.3, "high": 0.4, "p": 0.5, "adjusted": 0.7}
STRONG = {"r": 0.6, "low": 0.3, "high": 0.8, "p": 0.002, "adjusted": 0.02}


def relations_of(leaves: dict[tuple[str, str], dict[str, float]], truth: bool = False) -> Facts:
    """Return facts with the relations of some surrogates; the others are idle."""
    tree: dict[str, Any] = {}
    for group in ("unet", "varnet", "rim"):
        found = {
            name: {"disjoint": {"within_structure": leaves.get((group, name), IDLE)}}
            for name in ("volume", "std_mean", "vote_entropy")
        }
        tree[group] = {"reference": {"surrogates": found}}
        if truth:
            tree[group]["truth"] = {"surrogates": found}
    return facts(metrics() | {"bias_prediction": tree})


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_nothing_significant_is_told_with_what_is_not_excluded() -> None:
    answer = bias_prediction(
        relations_of({("rim", "vote_entropy"): IDLE | {"r": -0.4, "low": -0.7}})
    )
    verdict = plain(answer.verdict)
    assert verdict.startswith("That any uncertainty predicts in which scans")
    assert "none of 6 relations is statistically significant" in verdict
    assert "their intervals allow r of −0.70 to 0.40." in verdict
    lines = [plain(line) for line in answer.evidence]
    assert any(
        "RIM, against the fully sampled scan: the mean voxelwise SD r = 0.10"
        " (−0.30 to 0.40, adjusted p = 0.70); strongest of 2 is the entropy of the members' votes"
        " r = −0.40" in line
        for line in lines
    )
    assert any("UNet" in line and "none of 2 is stronger" in line for line in lines)
    assert lines[-1] == COUPLED


def test_what_is_significant_is_named_with_its_interval() -> None:
    answer = bias_prediction(relations_of({("rim", "vote_entropy"): STRONG}))
    assert plain(answer.verdict) == (
        "In which scans the volume of a structure is more biased is related to the entropy of the"
        " members' votes of RIM (r = 0.60 (0.30 to 0.80, adjusted p = 0.02)): statistically"
        " significant among 6 relations tested."
    )


def test_true_volumes_are_told_of_where_they_are_known() -> None:
    lines = bias_prediction(relations_of({}, truth=True)).evidence
    assert sum("against the true volume" in line for line in lines) == 3
    assert not any("true volume" in line for line in bias_prediction(relations_of({})).evidence)


def test_few_subjects_say_how_many_relations_adjustment_asks_for() -> None:
    found = relations_of({})
    few = found.params.model_copy(update={"permutations": 9})
    lines = bias_prediction(Facts(**{**found.__dict__, "params": few})).evidence
    assert any(
        "No p of 5 subjects can be below 0.100 (10 orders): of 6 relations, adjusted for their"
        " number, they could not be" in plain(line)
        for line in lines
    )
    assert not any("orders" in line for line in bias_prediction(found).evidence)


def test_what_was_not_tested_is_said() -> None:
    assert bias_prediction(facts()).verdict == "This was not tested."
