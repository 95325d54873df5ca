"""The study in five sentences: the box on top of the HTML report.

Each claims no more than the number of subjects allows. What `analyse` skipped has no sentence.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, listed, number, percent, share, spread
from stages.figures.kit.sample import too_few
from stages.figures.kit.titles import surrogate_phrase, title
from stages.figures.kit.wording import worded
from stages.page.answers.most_biased import biases
from stages.page.answers.predictability import predicted, primary
from stages.statistics.families import ADJUSTED, PRIMARY
from stages.statistics.questions.paper import CV, anchors
from stages.statistics.questions.surrogates import VOLUME

DISEASE = ("agreement", "margin_percent")


def in_short(facts: Facts) -> list[tuple[str, str]]:
    """Return the questions of the study, each with a sentence that answers it."""
    found = [(question, ask(facts)) for question, ask in SENTENCES.items()]
    return [(worded(name, facts), worded(text, facts)) for name, text in found if text]


def predicts(facts: Facts) -> str:
    """Return whether the primary endpoint shows a prediction, and what n could have shown."""
    found = primary(facts)
    if not found:
        return "" if PRIMARY.question in facts.skipped else "Not measured in this study."
    n = counted(facts.n_subjects, "subject")
    kind = _kind(facts, found)
    shown = predicted(facts)
    if shown and not too_few(facts):
        each = [f"{title(g)} ({number(found[g]['value'])})" for g in shown]
        yes = (
            f"Yes, in {len(shown)} of {counted(len(found), kind)}: the slope of ln CV on ln SD"
            f" within structures is statistically significant in {listed(each)}; n = {n}."
        )
        rest = {group: leaf for group, leaf in found.items() if group not in shown}
        names = listed([title(group) for group in rest])
        beyond = _beyond(rest)
        return f"{yes} In {names} it is undecided: {beyond}." if beyond else yes
    start = "Undecided" if too_few(facts) else "Not shown"
    beyond = _beyond(found)
    if not beyond:
        return f"{start}: n = {n}, and no slope has an interval."
    by = f", by {kind}" if " to " in beyond else ""
    return (
        f"{start}: with n = {n}, {beyond}{by} (slope of ln CV on ln SD; 1: CV proportional to SD)."
    )


def _beyond(found: Mapping[str, Mapping[str, float]]) -> str:
    """Return what slopes the intervals could tell from 0; nothing where there is no interval."""
    widths = [reach(leaf) for leaf in found.values() if "low" in leaf]
    if not widths:
        return ""
    ends = sorted({number(min(widths), 1), number(max(widths), 1)}, key=float)
    return f"intervals could exclude 0 only for slopes beyond {' to '.join(ends)}"


def reach(leaf: Mapping[str, float]) -> float:
    """Return half the width of an interval: estimates nearer to 0 have 0 in theirs."""
    return (leaf["high"] - leaf["low"]) / 2


def predictors(facts: Facts) -> str:
    """Return what is related to the CV within structures, and what structure alone explains."""
    alpha = 1 - facts.params.level
    tested = {
        (group, name): tree["within"]
        for group in facts.groups
        for name, tree in (facts.get(PRIMARY.question, group, "cv") or {}).items()
        if isinstance(tree, Mapping) and name != VOLUME and ADJUSTED in tree.get("within", {})
    }
    shown = [key for key, leaf in tested.items() if leaf[ADJUSTED] <= alpha and leaf["value"] > 0]
    alone = _structure_only(facts)
    if not tested:
        return alone
    if shown and not too_few(facts):
        return f"Within structures, statistically significant {_by_groups(shown)}. {alone}".strip()
    start = "None is shown to" if not too_few(facts) else "Undecided"
    n = counted(len(tested), "relation")
    return f"{start}: of {n} within structures none is statistically significant. {alone}".strip()


def _by_groups(pairs: Iterable[tuple[str, str]]) -> str:
    """Return surrogates in words, those of the most groups first.

    Args:
        pairs: (group, surrogate).
    """
    groups_of: dict[str, list[str]] = {}
    for group, name in pairs:
        groups_of.setdefault(name, []).append(title(group))
    together: dict[tuple[str, ...], list[str]] = {}
    for name, groups in groups_of.items():
        together.setdefault(tuple(groups), []).append(surrogate_phrase(name))
    most_first = sorted(together.items(), key=lambda item: -len(item[0]))
    return "; ".join(f"in {listed(groups)}: {listed(names)}" for groups, names in most_first)


def _structure_only(facts: Facts) -> str:
    found = [facts.get("prediction", g, "controls", "structure_only") for g in facts.groups]
    known = [value for value in found if value is not None]
    if not known:
        return ""
    return f"Which structure it is explains {spread(known)} of the CV (R², in sample)."


def sizes(facts: Facts) -> str:
    """Return CV and bias beside variability between scans and a year of disease."""
    medians = [facts.get("volumes", g, "cv", "median") for g in facts.groups]
    cv = [value for value in medians if value is not None]
    bias = [*biases(facts).values()]
    parts = []
    if cv:
        parts.append(f"median CV {_ends(cv)}")
    if bias:
        parts.append(f"median absolute bias {_ends(bias)}")
    if not parts:
        return ""
    return f"By {_kind(facts, facts.groups)}: {listed(parts)}; {listed(_scale(facts))}."


def _kind(facts: Facts, groups: Iterable[str]) -> str:
    return "network" if {*groups} <= {*facts.ensembles.architectures} else "group"


def _ends(values: list[float]) -> str:
    """Return the smallest and largest of percentages, with as many digits as the smallest needs."""
    smallest = min((value for value in values if value > 0), default=1.0)
    digits = max(1, math.ceil(-math.log10(smallest)))
    low, high = number(min(values), digits), percent(max(values), digits)
    return high if high.startswith(f"{low}\N{NO-BREAK SPACE}") else f"{low} to {high}"


def _scale(facts: Facts) -> list[str]:
    table = anchors()
    known = table[(table["measure"] == CV) & table["structure"].isin(facts.structures)]
    values = known["cv_percent"]
    low, high = number(values.min(), 1), percent(values.max())
    retest = [f"published test-retest CV {low} to {high} (by structure)"] if len(values) else []
    again = [facts.get("volumes", g, "cv", "median") for g in facts.rescans]
    if rescans := [value for value in again if value is not None]:
        retest.append(f"CV between scans of one phantom {_ends(rescans)}")
    margin = facts.get(*DISEASE)
    if margin is None or "hippocampus" not in facts.structures:
        return retest or ["no published variability of these structures is known here"]
    lost = f"a year of Alzheimer's disease beyond ageing {percent(margin, 2)} of the hippocampus"
    return [*retest, lost]


def knows(facts: Facts) -> str:
    """Return how often the members miss the reference, and how often they would if calibrated."""
    tree = facts.get("calibration", "reference") or {}
    found: dict[str, Any] = {g: tree[g] for g in facts.groups if "outside" in tree.get(g, {})}
    missed = [leaf["outside"]["value"] for leaf in found.values() if "value" in leaf["outside"]]
    if not missed:
        return ""
    expected = share(next(iter(found.values()))["outside_expected"])
    certain = [leaf["outside"].get("low", 0) > leaf["outside_expected"] for leaf in found.values()]
    start = "Not by its spread alone" if all(certain) and not too_few(facts) else "Undecided"
    return (
        f"{start}: the fully sampled volume lies outside the range of all members in"
        f" {spread(missed)} of structure-scan pairs; {expected} would be calibrated."
    )


def scanners(facts: Facts) -> str:
    """Return what the results say of scanners."""
    few = " too few to conclude on any network," if too_few(facts) else ""
    scans, subjects = facts.n_scans, counted(facts.n_subjects, "subject")
    if facts.simulated:
        n = f"{counted(scans, 'simulated scan')} of {subjects}"
        return f"Nothing yet: these are {n},{few} which test the method and not a scanner."
    n = f"{counted(scans, 'scan')} of {subjects}"
    cohort = "measured scans" if facts.trained else "images or volumes made elsewhere"
    return (
        f"It holds for {cohort} like these {n},{few} by one segmenter; variability of scanner,"
        " position and physiology comes on top."
    )


SENTENCES: dict[str, Callable[[Facts], str]] = {
    "Does voxelwise uncertainty predict volume uncertainty?": predicts,
    "What does predict it?": predictors,
    "How large are variability and bias?": sizes,
    "Does an ensemble know when it is wrong?": knows,
    "What does this say of scanners?": scanners,
}
"""Question -> what answers it, empty where nothing was measured; in the order of the report."""
