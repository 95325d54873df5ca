"""Whether any uncertainty predicts how far volumes are off."""

import math
from typing import NamedTuple

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, listed, number, share, span
from stages.figures.kit.titles import surrogate_phrase, title
from stages.page.answers.protocol import Answer
from stages.statistics.answer import look_up
from stages.statistics.questions.surrogates import VOLUME

QUESTION = "Does uncertainty predict the size of the bias?"
TARGETS = {"reference": "the fully sampled scan", "truth": "the true volume"}
MEAN_SD = "std_mean"


class Relation(NamedTuple):
    """r of a surrogate of half of the members with |bias| of the other, within structures."""

    group: str
    surrogate: str
    r: float
    low: float | None
    high: float | None
    p: float | None
    adjusted: float | None

    @property
    def words(self) -> str:
        """Return the coefficient with its interval and p."""
        interval = span(self.low, self.high)
        return f"r = {number(self.r)} ({interval}, adjusted p = {number(self.adjusted)})"


def bias_prediction(facts: Facts) -> Answer:
    """Return whether any surrogate predicts |bias| within structures."""
    found = {target: relations(facts, target) for target in TARGETS}
    if not found["reference"]:
        return Answer(QUESTION, "This was not tested.")
    evidence = [
        line
        for target, tested in found.items()
        for group in facts.groups
        for line in _of_group([one for one in tested if one.group == group], target)
    ]
    verdict = _verdict(facts, found["reference"])
    return Answer(QUESTION, verdict, (*evidence, *_least(facts, found["reference"]), COUPLED))


COUPLED = (
    "All r are of the logarithms of a surrogate of half of the members and of the bias of the other"
    " half: members that disagree have an uncertain mean, which alone makes its bias larger."
)


def relations(facts: Facts, target: str) -> list[Relation]:
    """Return every coefficient that is defined, in the order of groups and surrogates."""
    keys = ("low", "high", "p", "adjusted")
    return [
        Relation(group, name, float(own["r"]), *(own.get(key) for key in keys))
        for group in facts.groups
        for name, tree in (facts.get("bias_prediction", group, target, "surrogates") or {}).items()
        if name != VOLUME and "r" in (own := look_up(tree, "disjoint", "within_structure") or {})
    ]


def _verdict(facts: Facts, tested: list[Relation]) -> str:
    alpha = 1 - facts.params.level
    shown = [one for one in tested if (one.adjusted if one.adjusted is not None else 1) <= alpha]
    scope = "in which scans the volume of a structure is more biased"
    if shown:
        each = [f"{surrogate_phrase(o.surrogate)} of {title(o.group)} ({o.words})" for o in shown]
        n = counted(len(tested), "relation")
        return (
            f"{scope[0].upper()}{scope[1:]} is related to {listed(each)}: statistically significant"
            f" among {n} tested."
        )
    ends = [end for one in tested for end in (one.low, one.high) if end is not None]
    found = f"; their intervals allow r of {span(min(ends), max(ends))}" if ends else ""
    return (
        f"That any uncertainty predicts {scope} is not shown, and not excluded: none of"
        f" {counted(len(tested), 'relation')} is statistically significant{found}."
    )


def _of_group(tested: list[Relation], target: str) -> list[str]:
    """Return the mean SD and the strongest surrogate of one architecture, in a sentence."""
    if not tested:
        return []
    best = max(tested, key=lambda one: abs(one.r))
    own = [one for one in tested if one.surrogate == MEAN_SD]
    parts = [f"{surrogate_phrase(one.surrogate)} {one.words}" for one in own]
    if best in own:
        parts.append(f"none of {len(tested)} is stronger")
    else:
        strongest = f"{surrogate_phrase(best.surrogate)} {best.words}"
        parts.append(f"strongest of {len(tested)} is {strongest}")
    return [f"{title(best.group)}, against {TARGETS[target]}: {'; '.join(parts)}."]


def _least(facts: Facts, tested: list[Relation]) -> list[str]:
    """Return how many relations had to be strongest together for any to be significant."""
    alpha = 1 - facts.params.level
    n_orders = min(math.factorial(facts.n_subjects), facts.params.permutations + 1)
    needed = math.ceil(len(tested) / (n_orders * alpha) - 1e-9)
    if needed < 2:
        return []
    start = f"No p of {counted(facts.n_subjects, 'subject')} can be below {number(1 / n_orders, 3)}"
    fewer = "they" if needed > len(tested) else f"fewer than {needed} of them"
    return [
        f"{start} ({n_orders} orders): of {len(tested)} relations, adjusted for their number,"
        f" {fewer} could not be statistically significant at {share(alpha)}."
    ]
