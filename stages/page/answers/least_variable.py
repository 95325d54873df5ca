"""Which architecture's volumes vary least between members."""

from collections.abc import Mapping, Sequence

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import listed, number, percent, share, span
from stages.figures.kit.titles import title
from stages.page.answers.protocol import Answer
from stages.study.groups import ADDED_NOISE

POINTS = "\N{NO-BREAK SPACE}percentage points"


def variability(facts: Facts) -> Answer:
    """Return which architecture has the lowest CV of volumes, and whether that is significant."""
    question = "Which architecture has the lowest CV of volumes?"
    found = lowest_cv(facts)
    order = list(found)
    if not order:
        return Answer(question, "The variability of volumes was not measured.")
    each = [f"{title(g)} {with_interval(facts.get('volumes', g, 'cv'))}" for g in order]
    scope = "median coefficient of variation of a volume over the members"
    level = share(facts.params.level)
    evidence = [
        f"The {scope}, over structures and scans, with {level} intervals over subjects and"
        f" members: {listed(each)}."
    ]
    evidence += _noise_baseline(facts, found[order[0]])
    if len(order) == 1:
        verdict = f"Only {title(order[0])} was studied: the {scope} is {percent(found[order[0]])}."
        return Answer(question, verdict, tuple(evidence))
    names = [title(group) for group in order[:2]]
    verdict = (
        f"{names[0]} has the lowest CV; the difference from {names[1]} is statistically"
        " significant."
        if certain_lead(facts)
        else f"Which has the lowest CV is undecided: the difference between {names[0]}, lowest in"
        f" this cohort, and {names[1]} is not statistically significant."
    )
    return Answer(question, verdict, (*evidence, *_lead(facts, order)))


def lowest_cv(facts: Facts) -> dict[str, float]:
    """Return the median CV (%) of every architecture that has one, the lowest first."""
    found = {g: facts.get("volumes", g, "cv", "median") for g in facts.groups}
    return dict(sorted(((g, cv) for g, cv in found.items() if cv is not None), key=lambda p: p[1]))


def certain_lead(facts: Facts) -> bool:
    """Return whether the interval of the two lowest CVs' difference excludes 0."""
    order = list(lowest_cv(facts))
    if len(order) < 2:
        return False
    found = _difference(facts, order)
    return found is not None and found["low"] > 0


def with_interval(found: Mapping[str, float] | None, key: str = "median") -> str:
    """Return a value in percent and its interval as they are printed."""
    found = found or {}
    value = percent(found.get(key), 2)
    return f"{value} ({span(found.get('low'), found.get('high'))})" if "low" in found else value


def _noise_baseline(facts: Facts, least: float) -> list[str]:
    noise = facts.get("volumes", ADDED_NOISE, "cv", "median")
    if noise is None:
        return []
    relation = "less than any" if noise < least else "no less than the least"
    return [
        "Added noise alone gives the volumes of the fully sampled scans a CV of"
        f" {percent(noise, 2)}, {relation} of the architectures."
    ]


def _difference(facts: Facts, order: Sequence[str]) -> Mapping[str, float] | None:
    """Return the second's median CV less the first's, with its interval; None without one."""
    found = facts.get("volumes", order[1], "cv_difference", order[0])
    return found if found and "low" in found else None


def _lead(facts: Facts, order: Sequence[str]) -> list[str]:
    """Return the grounds on which the lead is judged, in words."""
    found = _difference(facts, order)
    if found is None:
        return ["The difference of the two lowest has no interval."]
    between = f"{share(facts.params.level)} interval {span(found['low'], found['high'])}"
    return [
        f"The two lowest, {title(order[1])} less {title(order[0])}, differ by"
        f" {number(found['value'])}{POINTS} ({between}, over subjects and members)."
    ]
