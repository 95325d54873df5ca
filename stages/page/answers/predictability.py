"""Whether voxelwise uncertainty predicts the variability of volumes.

The verdict is that of the primary endpoint (`families.PRIMARY`); all else stands beside it.
"""

from collections.abc import Mapping
from typing import Any

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, listed, number, share, span, spread
from stages.figures.kit.sample import too_few
from stages.figures.kit.titles import surrogate_phrase, title
from stages.page.answers.protocol import Answer
from stages.statistics.families import ADJUSTED, PRIMARY
from stages.statistics.questions.surrogates import VOLUME

HALVES = ("split_half_prediction", "disjoint", "within_structure")
NAMED = ("std_mean", "linearised_volume", "one_minus_dice")
MODERATE = 0.3  # of a correlation: Cohen 1988, Statistical Power Analysis, section 3.2


def prediction(facts: Facts) -> Answer:
    """Return whether voxelwise uncertainty predicts the CV of volumes within structures."""
    question = "Does voxelwise uncertainty predict the variability of volumes?"
    within = correlations(facts)
    if not within:
        return Answer(question, "This was not tested.")
    verdict = _prediction_verdict(facts, within)
    evidence = [
        f"{title(g)}: r = {number(t['r'])} within structures, between scans"
        f" ({share(facts.params.level)} interval {span(t.get('low'), t.get('high'))},"
        f" p = {number(t.get('p'))}), the mean standard deviation of half of the members with ln CV"
        " of the other half."
        for g, t in within.items()
    ]
    lines = (
        *_slopes(facts),
        *evidence,
        *_fewest(facts),
        *_regressions(facts),
        *_surrogates(facts),
    )
    return Answer(question, verdict, lines)


def correlations(facts: Facts) -> dict[str, Mapping[str, Any]]:
    """Return each architecture's correlation within structures of disjoint halves: r, low, high, p.

    The same members' images and volumes share their noise: what they share is no prediction.
    """
    within = {g: facts.get("inference", g, *HALVES) for g in facts.groups}
    return {g: tree for g, tree in within.items() if tree and "r" in tree}


def primary(facts: Facts) -> dict[str, Mapping[str, Any]]:
    """Return the primary endpoint of each architecture: value, low, high, p, adjusted."""
    found = {g: facts.get(PRIMARY.question, g, *PRIMARY.keys) for g in facts.groups}
    return {g: leaf for g, leaf in found.items() if leaf and "value" in leaf}


def predicted(facts: Facts) -> list[str]:
    """Return the architectures in which the prediction is statistically significant."""
    chance = 1 - facts.params.level
    found = primary(facts).items()
    return [g for g, leaf in found if leaf["value"] > 0 and leaf.get(ADJUSTED, 1) <= chance]


def _slopes(facts: Facts) -> list[str]:
    each = [
        f"{title(g)} {number(leaf['value'])} ({span(leaf.get('low'), leaf.get('high'))},"
        f" adjusted p = {number(leaf.get(ADJUSTED))})"
        for g, leaf in primary(facts).items()
    ]
    if not each:
        return []
    return [
        "The primary endpoint, the slope within structures of ln CV of half of the members on the"
        " ln mean standard deviation of the other half (0: no prediction, 1: proportion):"
        f" {listed(each)}."
    ]


def excluded(facts: Facts) -> bool:
    """Return whether a moderate correlation is excluded in every architecture.

    Intervals of few subjects exclude nothing.
    """
    found = correlations(facts).values()
    return bool(found) and not too_few(facts) and all(t.get("high", 1) < MODERATE for t in found)


def _prediction_verdict(facts: Facts, within: dict[str, Mapping[str, Any]]) -> str:
    shown = predicted(facts)
    names = listed([title(g) for g in shown])
    scope = "whether a structure varies more in one scan than in another"
    if shown and len(shown) == len(within):
        return (
            f"Yes: in {names} voxelwise uncertainty predicts {scope} (statistically significant)."
        )
    if shown:
        others = listed([title(g) for g in within if g not in shown])
        return (
            f"In part: in {names} voxelwise uncertainty predicts {scope} (statistically"
            f" significant); in {others} that is not shown."
        )
    if excluded(facts):
        return (
            f"If voxelwise uncertainty predicts {scope}, then weakly: the intervals of all"
            f" correlations end below {MODERATE}."
        )
    every = listed([title(g) for g in within], "or")
    ends = [t[end] for t in within.values() for end in ("low", "high") if end in t]
    found = f" of {span(min(ends), max(ends))}" if ends else ""
    return (
        f"That voxelwise uncertainty predicts {scope} is not shown in {every}, and not excluded:"
        " the primary test is not statistically significant, and the intervals of correlations"
        f" between halves of the members allow r{found}."
    )


def _fewest(facts: Facts) -> list[str]:
    """Return the smallest p there can be where it is not far below the level of the tests."""
    found = [p for g in facts.groups if (p := facts.get("inference", g, "smallest_p"))]
    chance = 1 - facts.params.level
    if not found or max(found) < chance / 2:
        return []
    return [
        f"{counted(facts.n_subjects, 'subject')} can be exchanged in so few ways that no p is below"
        f" {number(max(found), 3)}: adjusted for their number, no single one of several tests can"
        " be significant."
    ]


def _regressions(facts: Facts) -> list[str]:
    trees = {g: t for g in facts.groups if (t := facts.get("prediction", g)) and "r2" in t}
    inside = [r2 for tree in trees.values() for r2 in tree["r2"].values()]
    if not inside:
        return []
    reports = [
        part
        for tree in trees.values()
        for name in ("histogram", "summary")
        if (part := tree.get("controls", {}).get(name))
    ]
    out = [part["leave_one_subject_out"] for part in reports if "leave_one_subject_out" in part]
    words = (
        "As the paper reads them, pooled over structures and in sample, histograms and summaries"
        f" explain {spread(inside)}"
    )
    words += f", and {left_out(out)} in leave-one-subject-out cross-validation" if out else ""
    controls = [tree.get("controls", {}) for tree in trees.values()]
    wrong = [part["wrong_subject"]["mean"] for part in reports if part.get("wrong_subject")]
    means = [part["structure_only"] for part in controls if "structure_only" in part]
    size = [part["volume_only"]["in_sample"] for part in controls if part.get("volume_only")]
    compared = [
        f"{what} {spread(values)}"
        for what, values in (
            ("the same predictors of another subject", wrong),
            ("the structure alone", means),
            ("the size of its volume alone", size),
        )
        if values
    ]
    return [f"{words}; in sample, {listed(compared)}." if compared else f"{words}."]


def left_out(fractions: list[float]) -> str:
    """Return what is explained of left-out subjects: none where a prediction is worse than none."""
    known = [value for value in fractions if value > 0]
    if not known:
        return "none"
    return spread(known) if len(known) == len(fractions) else f"none to {spread([max(known)])}"


def _surrogates(facts: Facts) -> list[str]:
    """Return how one surrogate of each cost goes with the CV of the other half, beside the size.

    They are named beforehand: the best of all would need a correction for the choice.
    """
    lines = []
    for group in facts.groups:
        found = {
            name: tree
            for name in (*NAMED, VOLUME)
            if (tree := facts.get("surrogates", group, name, "disjoint", "pooled"))
            and {"low", "high"} <= set(tree)
        }
        if set(found) - {VOLUME}:
            each = [f"{surrogate_phrase(name)} {interval(tree)}" for name, tree in found.items()]
            lines.append(
                f"{title(group)}, over all structures, r of half of the members with ln CV of the"
                f" other half: {listed(each)}."
            )
    return lines


def interval(tree: Mapping[str, float]) -> str:
    """Return a correlation and its interval as they are printed."""
    return f"{number(tree.get('r'))} ({span(tree.get('low'), tree.get('high'))})"
