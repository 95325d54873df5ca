"""Which architecture's volumes are biased, and in which structures."""

import math
from collections.abc import Mapping

import numpy as np

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import DASH, listed, number, percent, share, span
from stages.figures.kit.titles import title
from stages.page.answers.least_variable import with_interval
from stages.page.answers.protocol import Answer
from stages.study.groups import ADDED_NOISE

SHOWN = 3  # structures that are named


def bias(facts: Facts) -> Answer:
    """Return which architecture's volumes are off, and in which structures."""
    question = "Which architecture is biased, and where?"
    sizes = biases(facts)
    if not sizes:
        return Answer(question, "Bias was not measured.")
    evidence = [_sizes(facts, list(sizes)), *_lead(facts, list(sizes))]
    baseline = facts.get("volumes", ADDED_NOISE, "absolute_bias")
    if baseline:
        evidence.append(
            "Noise alone shifts the volumes of the fully sampled scans by"
            f" {with_interval(baseline)} (median over structures)."
        )
    evidence += _outside(facts)
    return Answer(question, _verdict(facts, list(sizes)), tuple(evidence))


def median_absolute_bias(facts: Facts, group: str) -> float:
    """Return the median absolute bias of a group over structures (%), NaN where it has none."""
    found = facts.get("volumes", group, "bias")
    return float(np.median(np.abs(list(found.values())))) if found else math.nan


def biases(facts: Facts) -> dict[str, float]:
    """Return the median absolute bias (%) of every architecture that has one, the largest first."""
    found = {g: median_absolute_bias(facts, g) for g in facts.groups}
    known = [pair for pair in found.items() if math.isfinite(pair[1])]
    return dict(sorted(known, key=lambda pair: -pair[1]))


def biased_structures(facts: Facts, group: str) -> dict[str, Mapping[str, float]]:
    """Return the structures that are shown to be biased, the largest mean bias first.

    Their interval over subjects and members excludes 0 and all that noise alone shifts a volume by;
    the intervals of all structures hold together.
    """
    noise = facts.get("volumes", ADDED_NOISE, "mean_bias") or {}
    found = {
        name: leaf
        for name, leaf in (facts.get("volumes", group, "mean_bias") or {}).items()
        if "low" in leaf and _beyond(leaf, abs(noise.get(name, {}).get("value", 0.0)))
    }
    return dict(sorted(found.items(), key=lambda pair: -abs(pair[1]["value"])))


def _beyond(leaf: Mapping[str, float], shift: float) -> bool:
    return leaf["low"] > shift or leaf["high"] < -shift


def certain_most(facts: Facts) -> str | None:
    """Return the architecture whose median absolute bias is surely the largest, None otherwise."""
    order = list(biases(facts))
    if len(order) < 2:
        return None
    found = facts.get("volumes", order[0], "absolute_bias_difference", order[1]) or {}
    return order[0] if found.get("low", -math.inf) > 0 else None


def _verdict(facts: Facts, order: list[str]) -> str:
    found = {g: biased_structures(facts, g) for g in order}
    shown = [g for g in order if found[g]]
    if not any("mean_bias" in (facts.get("volumes", g) or {}) for g in order):
        return "Whether any architecture is biased is not known: biases have no intervals."
    if not shown:
        return (
            "No architecture is shown to be biased: no structure's interval over subjects and"
            " members excludes both 0 and what noise does; it may be too wide to."
        )
    n = len(facts.structures)
    parts = [f"{title(g)} in {len(found[g])} of {n} ({_named(found[g])})" for g in shown]
    return (
        "Shown to be biased against the fully sampled scans, in how many structures:"
        f" {listed(parts)}; the {share(facts.params.level)} intervals over subjects and members"
        " hold for all structures together."
    )


def _named(found: Mapping[str, Mapping[str, float]]) -> str:
    parts = [
        f"{title(name).lower()} {percent(leaf['value'], sign=True)},"
        f" {span(leaf['low'], leaf['high'], 1)}"
        for name, leaf in list(found.items())[:SHOWN]
    ]
    return "; ".join([*parts, "..."] if len(found) > SHOWN else parts)


def _sizes(facts: Facts, order: list[str]) -> str:
    each = []
    for group in order:
        leaf = facts.get("volumes", group, "absolute_bias")
        size = with_interval(leaf) if leaf else percent(median_absolute_bias(facts, group), 2)
        each.append(f"{title(group)} {size}")
    return f"Median absolute bias over structures: {listed(each)}."


def _lead(facts: Facts, order: list[str]) -> list[str]:
    if len(order) < 2:
        return []
    found = facts.get("volumes", order[0], "absolute_bias_difference", order[1])
    if not found or "low" not in found:
        return []
    sure = certain_most(facts) is not None
    return [
        f"The largest less the next, {title(order[0])} less {title(order[1])}, is"
        f" {number(found['value'])} percentage points ({span(found['low'], found['high'])}):"
        f" {'' if sure else 'not '}statistically significant."
    ]


def _outside(facts: Facts) -> list[str]:
    lines = []
    for target, name in (("reference", "fully sampled volume"), ("truth", "true volume")):
        tree = facts.get("calibration", target) or {}
        known = {g: leaf for g, leaf in tree.items() if "value" in leaf.get("outside", {})}
        each = [
            f"{title(g)} {share(leaf['outside']['value'])}"
            f" ({share(leaf['outside'].get('low'))} to {share(leaf['outside'].get('high'))};"
            f" calibrated {share(leaf['outside_expected'])})"
            for g, leaf in known.items()
        ]
        if each:
            lines.append(
                f"Structure-scan pairs whose {name} lies outside the range of the members:"
                f" {listed(each)}."
            )
    if not facts.get("calibration", "truth"):
        return [*lines, "True volumes are not known here: the reference is the fully sampled scan."]
    if facts.get("calibration", "truth", ADDED_NOISE):
        lines.append(
            "What noise realisations of the fully sampled scans miss of the truth is the"
            " segmenter's, not the reconstruction's."
        )
    return lines


def largest_bias(facts: Facts, group: str) -> str:
    """Return the most biased structure of a group and its bias (%) as they are printed."""
    certain = facts.get("volumes", group, "mean_bias") or {}
    found = facts.get("volumes", group, "bias") or {}
    worst = max(found, key=lambda k: abs(found[k])) if found else None
    if worst is None:
        return DASH
    leaf = certain.get(worst, {})
    if "low" not in leaf:
        return f"{title(worst)} {number(found[worst], 1, sign=True)}"
    value = number(leaf["value"], 1, sign=True)
    return f"{title(worst)} {value} ({span(leaf['low'], leaf['high'], 1)})"
