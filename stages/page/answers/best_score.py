"""Whether any score of image quality ranks images as the error of their volumes does."""

from collections.abc import Mapping
from typing import Any

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, listed, number, span
from stages.figures.kit.titles import score_title
from stages.page.answers.protocol import Answer
from stages.statistics.families import ADJUSTED
from stages.statistics.questions.image_scores import ALL, DIRECTION

QUESTION = "Does image quality predict the error of volumes?"
TARGETS = {"reference": "the fully sampled scan", "truth": "the true volume"}


def best_score(facts: Facts) -> Answer:
    """Return which scores rank with the errors against the fully sampled scan."""
    found = {target: coefficients(facts, target) for target in TARGETS}
    tested = found["reference"]
    if not tested:
        return Answer(QUESTION, "This was not tested.")
    alpha = 1 - facts.params.level
    shown = [name for name, leaf in tested.items() if leaf.get(ADJUSTED, 1.0) <= alpha]
    n = counted(len(tested), "score")
    if shown:
        each = [f"{score_title(name)} ({_words(tested[name])})" for name in shown]
        verdict = (
            "Among the images of a scan by one architecture, the error of the volumes is related"
            f" to {listed(each)}: statistically significant among {n} tested."
        )
    else:
        verdict = (
            f"That any of {n} predicts which image of a scan has the more biased volumes is not"
            f" shown, and not excluded.{_least(tested)}"
        )
    evidence = [line for target, own in found.items() for line in _strongest(own, target)]
    return Answer(QUESTION, verdict, (*evidence,))


def coefficients(facts: Facts, target: str) -> dict[str, Mapping[str, Any]]:
    """Return the leaves of every score whose coefficient is defined: spearman, low, high, p."""
    found = {name: facts.get("image_scores", ALL, target, name) for name in DIRECTION}
    return {name: leaf for name, leaf in found.items() if leaf and "spearman" in leaf}


def _words(leaf: Mapping[str, Any]) -> str:
    ends = span(leaf.get("low"), leaf.get("high"))
    return f"ρ = {number(leaf['spearman'])} ({ends}, adjusted p = {number(leaf.get(ADJUSTED))})"


def _least(tested: Mapping[str, Mapping[str, Any]]) -> str:
    """Return how large a coefficient had to be, a sentence; nothing where none could be."""
    needed = [leaf["critical"] for leaf in tested.values() if "critical" in leaf]
    if not needed:
        return " So few members can make no coefficient significant."
    return f" No |ρ| below {number(min(needed))} could have been significant."


def _strongest(tested: Mapping[str, Mapping[str, Any]], target: str) -> list[str]:
    """Return the score of the largest coefficient, and what its member alone explains."""
    if not tested:
        return []
    best = max(tested, key=lambda name: tested[name]["spearman"])
    other = tested[best].get("wrong_subject", {}).get("spearman")
    return [
        f"Against {TARGETS[target]}, the largest of {counted(len(tested), 'coefficient')} is that"
        f" of {score_title(best)}: {_words(tested[best])}; with the scores of another subject's"
        f" images by the same members, ρ = {number(other)}. Above 0, worse scores go with larger"
        " errors."
    ]
