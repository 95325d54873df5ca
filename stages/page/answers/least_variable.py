"""Which architecture's volumes vary least between members."""

from collections.abc import Sequence

import numpy as np

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import listed, number, percent, share, span
from stages.figures.kit.titles import title
from stages.page.answers.protocol import Answer
from stages.statistics.methods.ranking import median_ratio
from stages.study.groups import ADDED_NOISE
from stages.study.seeds import stable_seed


def variability(facts: Facts) -> Answer:
    """Return which architecture's volumes vary least between members, and whether that is sure."""
    question = "Which architecture varies least?"
    found = lowest_cv(facts)
    order = list(found)
    if not order:
        return Answer(question, "The variability of volumes was not measured.")
    each = [f"{title(g)} {percent(found[g], 2)}" for g in order]
    scope = "median coefficient of variation of a volume over the members"
    evidence = [f"The {scope}, over structures and scans: {listed(each)}."]
    evidence += _noise_baseline(facts, found[order[0]])
    if len(order) == 1:
        verdict = f"Only {title(order[0])} was studied: the {scope} is {percent(found[order[0]])}."
        return Answer(question, verdict, tuple(evidence))
    sure, grounds = _lead(facts, order)
    names = [title(group) for group in order[:2]]
    verdict = (
        f"{names[0]} varies least, and the lead over {names[1]} is statistically significant."
        if sure
        else f"{names[0]} varies least in this study, but its lead over {names[1]} is not beyond"
        " what other scans or other members could change."
    )
    return Answer(question, verdict, (*evidence, *grounds))


def lowest_cv(facts: Facts) -> dict[str, float]:
    """Return the median CV (%) of every architecture that has one, the lowest first."""
    found = {g: facts.get("volumes", g, "cv", "median") for g in facts.groups}
    return dict(sorted(((g, cv) for g, cv in found.items() if cv is not None), key=lambda p: p[1]))


def certain_lead(facts: Facts) -> bool:
    """Return whether neither other scans nor one member less would undo who varies least."""
    order = list(lowest_cv(facts))
    return len(order) > 1 and _lead(facts, order)[0]


def _noise_baseline(facts: Facts, least: float) -> list[str]:
    noise = facts.get("volumes", ADDED_NOISE, "cv", "median")
    if noise is None:
        return []
    relation = "less than any" if noise < least else "no less than the least"
    return [
        f"Added noise makes the volumes of the fully sampled scans vary by {percent(noise, 2)},"
        f" {relation} of the architectures."
    ]


def _lead(facts: Facts, order: Sequence[str]) -> tuple[bool, list[str]]:
    """Return whether the lead of the first over the second is sure, and the grounds in words."""
    first, second = order[:2]
    names = title(first), title(second)
    rng = np.random.default_rng(stable_seed("ranking", facts.params.seed))
    ratio = median_ratio(
        facts.cv,
        (first, second),
        facts.subject_of,
        facts.params.level,
        rng,
        facts.params.bootstrap_draws,
    )
    level = share(facts.params.level)
    between = f"{level} interval over subjects {span(ratio.low, ratio.high)}"
    grounds = [
        f"The ratio of the two lowest, {names[1]} to {names[0]}, is {number(ratio.value)}"
        f" ({between})."
    ]
    apart = _apart(facts, first, second)
    if apart is not None:
        grounds.append(apart[1])
    return ratio.low > 1 and (apart is None or apart[0]), grounds


def _apart(facts: Facts, first: str, second: str) -> tuple[bool, str] | None:
    """Return whether medians stay apart whichever member is left out, and the ranges in words."""
    if "cv_without" not in facts.outliers:
        return None
    table = facts.outliers
    ends = {}
    for group in (first, second):
        without = table.loc[table["group"] == group, "cv_without"].dropna()
        if not len(without):
            return None
        ends[group] = float(without.min()), float(without.max())
    words = [f"{title(g)} {span(*pair)}" + "\N{NO-BREAK SPACE}%" for g, pair in ends.items()]
    return ends[first][1] < ends[second][0], (
        f"Leaving out one member at a time, the medians lie in {listed(words)}."
    )
