"""How much a study of this size can show at all."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, number, spread
from stages.page.answers.protocol import Answer

LARGE = 0.5  # of a correlation: Cohen 1988, Statistical Power Analysis, section 3.2


def certainty(facts: Facts) -> Answer:
    """Return how much a study of this size can show at all."""
    question = "How sure is that?"
    members = [len(seeds) for seeds in facts.members.values()]
    size = (
        f"{counted(facts.n_scans, 'scan')} of {counted(facts.n_subjects, 'subject')} and"
        f" {_range(members)} members an architecture"
    )
    kind = "digital phantoms, so it tests the method and does not apply to scanners"
    cohort = kind if facts.simulated else "measured scans"
    verdict = f"The study rests on {size}: {cohort}. {_ceiling_verdict(facts)}"
    return Answer(question, verdict.strip(), (*_ceilings(facts), *_members_needed(facts)))


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def ceilings(facts: Facts, scope: str) -> dict[str, Mapping[str, Any]]:
    """Return each architecture's ceilings of R² in a scope: estimate -> value, low, high."""
    found = {g: facts.get("inference", g, "noise_ceiling", scope) or {} for g in facts.groups}
    return {
        g: {k: t[k] for k in ("split_half", "analytic") if "value" in (t.get(k) or {})}
        for g, t in found.items()
        if t
    }


def _values(found: dict[str, Mapping[str, Any]], key: str) -> list[float]:
    return [e[key] for tree in found.values() for e in tree.values() if key in e]


def _ceiling_verdict(facts: Facts) -> str:
    highest = _values(ceilings(facts, "within_structure"), "value")
    if not highest:
        return ""
    if max(highest) < LARGE**2:
        return (
            "A coefficient of variation of so few members is itself noisy: within structures even"
            f" a perfect predictor would correlate by no more than {number(max(highest) ** 0.5)},"
            " so a relation there could hardly be seen."
        )
    return f"Within structures, a perfect predictor could explain {spread(highest)}."


def _ceilings(facts: Facts) -> list[str]:
    lines = []
    for scope, name in (
        ("pooled", "over all structures"),
        ("within_structure", "within structures"),
    ):
        found = ceilings(facts, scope)
        values = _values(found, "value")
        if not values:
            continue
        ends = _values(found, "low") + _values(found, "high")
        within = f" (intervals within {spread(ends)})" if ends else ""
        lines.append(f"The noise ceiling of R² {name} is {spread(values)}{within}.")
    return lines


def _members_needed(facts: Facts) -> list[str]:
    trees = [t for g in facts.groups if (t := facts.get("ensemble_size", g)) and "relative_se" in t]
    if not trees:
        return []
    errors = [tree["relative_se"] / 100 for tree in trees]
    needed = [n for t in trees if (n := t.get("needed", {}).get("theory", {}).get("20_percent"))]
    words = f"One coefficient of variation has a standard error of {spread(errors)} of itself"
    return [
        f"{words}; 20 % would take {number(max(needed), 0)} members." if needed else f"{words}."
    ]
