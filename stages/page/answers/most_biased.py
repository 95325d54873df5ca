"""Which architecture's volumes are biased, and in which structures."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import DASH, counted, listed, number, percent, spread
from stages.figures.kit.titles import title
from stages.page.answers.protocol import Answer
from stages.study.groups import ADDED_NOISE

LEAST_SUBJECTS = 3  # two scans agree in sign half the time


def bias(facts: Facts) -> Answer:
    """Return which architecture's volumes are off, and in which structures."""
    question = "Which architecture is biased, and where?"
    found = {g: facts.get("volumes", g, "bias") or {} for g in facts.groups}
    sizes = biases(facts)
    if not sizes:
        return Answer(question, "Bias was not measured.")
    order, baseline = list(sizes), median_absolute_bias(facts, ADDED_NOISE)
    evidence = [_worst(facts, group, found[group], sizes[group]) for group in order]
    if math.isfinite(baseline):
        evidence.append(
            "Noise alone shifts the volumes of the fully sampled scans by"
            f" {percent(baseline)} (median over structures)."
        )
    evidence += _truth(facts)
    return Answer(question, _bias_verdict(order, found, sizes, baseline), tuple(evidence))


def median_absolute_bias(facts: Facts, group: str) -> float:
    """Return the median absolute bias of a group over structures (%), NaN where it has none."""
    found = facts.get("volumes", group, "bias")
    return float(np.median(np.abs(list(found.values())))) if found else math.nan


def biases(facts: Facts) -> dict[str, float]:
    """Return the median absolute bias (%) of every architecture that has one, the largest first."""
    found = {g: median_absolute_bias(facts, g) for g in facts.groups}
    known = [pair for pair in found.items() if math.isfinite(pair[1])]
    return dict(sorted(known, key=lambda pair: -pair[1]))


def _bias_verdict(
    order: Sequence[str],
    found: Mapping[str, Mapping[str, float]],
    sizes: Mapping[str, float],
    baseline: float,
) -> str:
    biased = [g for g in order if not sizes[g] <= baseline]
    if not biased:
        return "None is biased more than noise alone makes the fully sampled scans."
    parts = []
    for group in biased:
        worst = max(found[group], key=lambda k: abs(found[group][k]))
        parts.append(
            f"{title(group)} by {percent(sizes[group])} (median absolute bias over structures),"
            f" most in the {title(worst).lower()} ({percent(found[group][worst], sign=True)})"
        )
    subject = "All are" if len(biased) == len(order) > 1 else listed([title(g) for g in biased])
    verb = "" if subject == "All are" else (" is" if len(biased) == 1 else " are")
    return f"{subject}{verb} biased against the fully sampled scans: {'; '.join(parts)}."


def _worst(facts: Facts, group: str, found: Mapping[str, float], size: float) -> str:
    order = sorted(found, key=lambda k: -abs(found[k]))[:3]
    parts = [f"{title(k).lower()} {percent(found[k], sign=True)}" for k in order]
    words = f"{title(group)}: {listed(parts)}; median absolute bias {percent(size)}"
    same, total = same_sign(facts, group)
    if not total:
        return f"{words}."
    chance = total * 2.0 ** (1 - facts.n_subjects)
    return (
        f"{words}. In {same} of {counted(total, 'structure')} the sign is the same in all"
        f" {counted(facts.n_subjects, 'subject')}; chance alone gives {number(chance, 1)}."
    )


def same_sign(facts: Facts, group: str) -> tuple[int, int]:
    """Return structures whose bias has one sign in all subjects, and all that could be judged."""
    if facts.n_subjects < LEAST_SUBJECTS:
        return 0, 0
    table = facts.bias[facts.bias["group"] == group].dropna(subset=["bias"])
    clusters = table["subject"].map(facts.subject_of)
    means = table.groupby(["structure", clusters])["bias"].mean().unstack()
    whole = means.dropna()
    same = (whole > 0).all(axis=1) | (whole < 0).all(axis=1)
    return int(same.sum()), len(whole)


def _truth(facts: Facts) -> list[str]:
    tree = facts.get("calibration", "truth") or {}
    whole = {"below_all", "above_all", "outside_expected"}
    outside = {g: t["below_all"] + t["above_all"] for g, t in tree.items() if whole <= set(t)}
    if not outside:
        return ["True volumes are not known here: the reference is the fully sampled scan."]
    expected = spread([tree[g]["outside_expected"] for g in outside])
    return [
        f"True volumes lie outside the range of the members in {spread(list(outside.values()))} of"
        f" all structure-scan pairs ({expected} if the members were calibrated)."
    ]


def largest_bias(facts: Facts, group: str) -> str:
    """Return the most biased structure of a group and its bias (%) as they are printed."""
    found = facts.get("volumes", group, "bias") or {}
    worst = max(found, key=lambda k: abs(found[k])) if found else None
    return f"{title(worst)} {number(found[worst], 1, sign=True)}" if worst else DASH
