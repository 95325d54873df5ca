"""How much a study of this size can show at all."""

from collections.abc import Mapping, Sequence

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, listed, number, span, spread
from stages.figures.kit.titles import title
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


def ceilings(facts: Facts, scope: str) -> dict[str, Mapping[str, float]]:
    """Return each architecture's noise ceiling of half of the members: value, low, high of R².

    Noise ceilings without an interval are left out.
    """
    found = {
        g: facts.get("inference", g, "noise_ceiling", scope, "between_halves") for g in facts.groups
    }
    return {g: t for g, t in found.items() if t and {"value", "low", "high"} <= set(t)}


def _ceiling_verdict(facts: Facts) -> str:
    found = ceilings(facts, "within_structure").values()
    if not found:
        return ""
    highest = max(ends["high"] for ends in found)
    if highest < LARGE**2:
        return (
            "A coefficient of variation of so few members is itself noisy: within structures even"
            " a perfect predictor from other members would correlate by no more than"
            f" {number(highest**0.5)} (upper ends of the intervals), so a relation there could"
            " hardly be seen."
        )
    return (
        "Within structures, a perfect predictor from half of the members could explain"
        f" {spread([ends['value'] for ends in found])} of the other half's ln CV (intervals within"
        f" {spread([ends[end] for ends in found for end in ('low', 'high')])})."
    )


def _ceilings(facts: Facts) -> list[str]:
    lines = []
    for scope, name in (
        ("pooled", "over all structures"),
        ("within_structure", "within structures"),
    ):
        found = ceilings(facts, scope)
        if not found:
            continue
        each = [
            f"{title(g)} {number(t['value'])} ({span(t['low'], t['high'])})"
            for g, t in found.items()
        ]
        lines.append(
            f"The noise ceiling of R² {name}, between two halves of the members: {listed(each)}. It"
            " bounds predictors from the other half only."
        )
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
