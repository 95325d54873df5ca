"""Whether voxelwise uncertainty predicts the variability of volumes."""

from collections.abc import Mapping
from typing import Any

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import listed, number, share, span, spread
from stages.figures.kit.titles import surrogate_phrase, title
from stages.page.answers.protocol import Answer

MODERATE = 0.3  # of a correlation: Cohen 1988, Statistical Power Analysis, section 3.2
IMAGES = "images"  # cost of a surrogate that needs nothing else


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
        f" p = {number(t.get('p'))})."
        for g, t in within.items()
    ]
    return Answer(question, verdict, (*evidence, *_regressions(facts), *_best_surrogate(facts)))


def correlations(facts: Facts) -> dict[str, Mapping[str, Any]]:
    """Return each architecture's correlation within structures: r, low, high, p."""
    within = {g: facts.get("inference", g, "pearson", "within_structure") for g in facts.groups}
    return {g: tree for g, tree in within.items() if tree and "r" in tree}


def predicted(facts: Facts) -> list[str]:
    """Return the architectures in which the prediction is statistically significant."""
    chance = 1 - facts.params.level
    found = correlations(facts).items()
    return [g for g, t in found if t.get("low", -1) > 0 and t.get("p", 1) < chance]


def excluded(facts: Facts) -> bool:
    """Return whether a moderate correlation is excluded in every architecture."""
    found = correlations(facts).values()
    return bool(found) and all(t.get("high", 1) < MODERATE for t in found)


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
            f"No: voxelwise uncertainty does not predict {scope}; correlations of {MODERATE} or"
            " more are excluded."
        )
    every = listed([title(g) for g in within], "or")
    return (
        f"That voxelwise uncertainty predicts {scope} is not shown in {every}, and not excluded:"
        " no correlation is statistically significant, but the intervals are wide."
    )


def _regressions(facts: Facts) -> list[str]:
    trees = {g: t for g in facts.groups if (t := facts.get("prediction", g)) and "r2" in t}
    inside = [r2 for tree in trees.values() for r2 in tree["r2"].values()]
    if not inside:
        return []
    controls = [tree.get("controls", {}) for tree in trees.values()]
    out = [
        part["leave_one_subject_out"]
        for tree in controls
        for part in (tree.get("histogram", {}), tree.get("summary", {}))
        if "leave_one_subject_out" in part
    ]
    words = f"Pooled over structures, histograms and summaries explain {spread(inside)} in sample"
    words += f", and {spread(out)} in leave-one-subject-out cross-validation" if out else ""
    known = [t for t in trees.values() if "structure_only" in t.get("controls", {})]
    if not known:
        return [f"{words}."]
    means = [tree["controls"]["structure_only"] for tree in known]
    less = all(max(t["r2"].values(), default=0.0) <= t["controls"]["structure_only"] for t in known)
    relation = "less than" if less else "which compares with what"
    return [
        f"{words}; {relation} the structure-only baseline explains ({spread(means)} in sample)."
    ]


def _best_surrogate(facts: Facts) -> list[str]:
    lines = []
    for group in facts.groups:
        tree = facts.get("surrogates", group) or {}
        known = {k: t for k, t in tree.items() if isinstance(t, dict) and "pooled_r2" in t}
        if not known:
            continue
        best = max(known, key=lambda k: known[k]["pooled_r2"])
        images = [t["pooled_r2"] for t in known.values() if t.get("cost") == IMAGES]
        part, name = known[best], surrogate_phrase(best)
        lines.append(
            f"{title(group)}: best of {len(known)} surrogates is {name}"
            f" ({part.get('cost', 'cost not stated')}): R² = {number(part['pooled_r2'])}"
            f" ({span(part.get('pooled_r2_low'), part.get('pooled_r2_high'))}) of ln CV over all"
            f" structures; those from images alone reach {number(max(images, default=None))}."
        )
    return lines


def interval(tree: Mapping[str, float]) -> str:
    """Return a correlation and its interval as they are printed."""
    return f"{number(tree.get('r'))} ({span(tree.get('low'), tree.get('high'))})"
