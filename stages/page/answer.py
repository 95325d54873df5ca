"""The study's answer in words that the numbers choose: what varies, what is biased, what foretells.

Each question is a function of the facts. It says no more than intervals, ceilings and the number of
scans allow, and says so where a part was not measured.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.figures.kit.style import title
from stages.page.facts import Facts
from stages.page.phrasing import DASH, counted, listed, number, percent, share, span, spread
from stages.params.ensembles import NOISE
from stages.statistics.methods.bias import median_absolute_bias
from stages.statistics.methods.ranking import median_ratio
from stages.study.seeds import stable_seed

# conventional sizes of a correlation: Cohen 1988, Statistical Power Analysis, section 3.2
MODERATE, LARGE = 0.3, 0.5
LEAST_EXAMS = 3  # two scans agree in sign half the time
SURROGATES = {
    "std_mean": "the mean voxelwise standard deviation",
    "std_median": "the median voxelwise standard deviation",
    "std_p95": "the 95th percentile of the voxelwise standard deviation",
    "gain_normalised_std_mean": "the mean voxelwise standard deviation without gains",
    "sigma_over_gradient": "the shift of edges, standard deviation over gradient",
    "linearised_volume": "the volume's first-order change",
    "one_minus_dice": "1 − Dice between members",
    "vote_entropy": "the entropy of the members' votes",
    "surface_distance": "the distance of the members' surfaces",
}
IMAGES = "images"  # cost of a surrogate that needs nothing else


@dataclass(frozen=True)
class Answer:
    """A question, its answer in a sentence or two, and what that rests on."""

    question: str
    verdict: str
    evidence: tuple[str, ...] = ()


def answers(facts: Facts) -> list[Answer]:
    """Return the answers to the study's questions, in the order of the page."""
    return [ask(facts) for ask in QUESTIONS]


def variation(facts: Facts) -> Answer:
    """Say which architecture's volumes vary least between members, and whether that is sure."""
    question = "Which architecture varies least?"
    found = variations(facts)
    order = list(found)
    if not order:
        return Answer(question, "The variation of volumes was not measured.")
    each = [f"{title(g)} {percent(found[g], 2)}" for g in order]
    scope = "median coefficient of variation of a volume over the members"
    evidence = [f"The {scope}, over structures and scans: {listed(each)}."]
    evidence += _noise_floor(facts, found[order[0]])
    if len(order) == 1:
        verdict = f"Only {title(order[0])} was studied: the {scope} is {percent(found[order[0]])}."
        return Answer(question, verdict, tuple(evidence))
    sure, grounds = _lead(facts, order)
    names = [title(group) for group in order[:2]]
    verdict = (
        f"{names[0]} varies least, and the lead over {names[1]} is beyond chance."
        if sure
        else f"{names[0]} varies least in this study, but its lead over {names[1]} is not beyond"
        " what other scans or other members could change."
    )
    return Answer(question, verdict, (*evidence, *grounds))


def variations(facts: Facts) -> dict[str, float]:
    """Return the median CV (%) of every architecture that has one, the lowest first."""
    found = {g: facts.get("volumes", g, "cv", "median") for g in facts.groups}
    return dict(sorted(((g, cv) for g, cv in found.items() if cv is not None), key=lambda p: p[1]))


def sure_lead(facts: Facts) -> bool:
    """Return whether neither other scans nor one member less would undo who varies least."""
    order = list(variations(facts))
    return len(order) > 1 and _lead(facts, order)[0]


def _noise_floor(facts: Facts, least: float) -> list[str]:
    noise = facts.get("volumes", NOISE, "cv", "median")
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
        facts.exams,
        facts.params.level,
        rng,
        facts.params.bootstrap_draws,
    )
    level = share(facts.params.level)
    between = f"{level} interval over exams {span(ratio.low, ratio.high)}"
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


def bias(facts: Facts) -> Answer:
    """Say which architecture's volumes are off, and in which structures."""
    question = "Which architecture is biased, and where?"
    found = {g: facts.get("volumes", g, "bias") or {} for g in facts.groups}
    typical = biases(facts)
    if not typical:
        return Answer(question, "Bias was not measured.")
    order, floor = list(typical), typical_bias(facts, NOISE)
    evidence = [_worst(facts, group, found[group], typical[group]) for group in order]
    if math.isfinite(floor):
        evidence.append(
            "Noise alone shifts the volumes of the fully sampled scans by"
            f" {percent(floor)} (median over structures)."
        )
    evidence += _truth(facts)
    return Answer(question, _bias_verdict(order, found, typical, floor), tuple(evidence))


def typical_bias(facts: Facts, group: str) -> float:
    """Return the median size of a group's bias over structures (%), NaN where it has none."""
    return median_absolute_bias(facts.get("volumes", group, "bias") or {})


def biases(facts: Facts) -> dict[str, float]:
    """Return the typical bias (%) of every architecture that has one, the largest first."""
    found = {g: typical_bias(facts, g) for g in facts.groups}
    known = [pair for pair in found.items() if math.isfinite(pair[1])]
    return dict(sorted(known, key=lambda pair: -pair[1]))


def _bias_verdict(
    order: Sequence[str], found: dict[str, dict], typical: dict[str, float], floor: float
) -> str:
    biased = [g for g in order if not typical[g] <= floor]
    if not biased:
        return "None is biased more than noise alone makes the fully sampled scans."
    parts = []
    for group in biased:
        worst = max(found[group], key=lambda k: abs(found[group][k]))
        parts.append(
            f"{title(group)} by {percent(typical[group])} (median size over structures), most in"
            f" the {title(worst).lower()} ({percent(found[group][worst], sign=True)})"
        )
    subject = "All are" if len(biased) == len(order) > 1 else listed([title(g) for g in biased])
    verb = "" if subject == "All are" else (" is" if len(biased) == 1 else " are")
    return f"{subject}{verb} biased against the fully sampled scans: {'; '.join(parts)}."


def _worst(facts: Facts, group: str, found: dict[str, float], typical: float) -> str:
    order = sorted(found, key=lambda k: -abs(found[k]))[:3]
    parts = [f"{title(k).lower()} {percent(found[k], sign=True)}" for k in order]
    words = f"{title(group)}: {listed(parts)}; median size {percent(typical)}"
    same, total = same_sign(facts, group)
    if not total:
        return f"{words}."
    chance = total * 2.0 ** (1 - facts.n_exams)
    return (
        f"{words}. In {same} of {counted(total, 'structure')} the sign is the same in all"
        f" {counted(facts.n_exams, 'exam')}; chance alone gives {number(chance, 1)}."
    )


def same_sign(facts: Facts, group: str) -> tuple[int, int]:
    """Return structures whose bias has one sign in all exams, and all that could be judged."""
    if facts.n_exams < LEAST_EXAMS:
        return 0, 0
    table = facts.bias[facts.bias["group"] == group].dropna(subset=["bias"])
    exam = table["subject"].map(facts.exams)
    means = table.groupby(["structure", exam])["bias"].mean().unstack()
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
        f" all cells (a structure of a scan; {expected} if the members were calibrated)."
    ]


def prediction(facts: Facts) -> Answer:
    """Say whether voxelwise uncertainty foretells the variation of volumes within structures."""
    question = "Does voxelwise uncertainty foretell the variation of volumes?"
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


def correlations(facts: Facts) -> dict[str, dict]:
    """Return each architecture's correlation within structures: r, low, high, p."""
    within = {g: facts.get("inference", g, "pearson", "within_structure") for g in facts.groups}
    return {g: tree for g, tree in within.items() if tree and "r" in tree}


def foretold(facts: Facts) -> list[str]:
    """Return the architectures in which voxelwise uncertainty foretells variation beyond chance."""
    chance = 1 - facts.params.level
    found = correlations(facts).items()
    return [g for g, t in found if t.get("low", -1) > 0 and t.get("p", 1) < chance]


def excluded(facts: Facts) -> bool:
    """Return whether a moderate correlation is excluded in every architecture."""
    found = correlations(facts).values()
    return bool(found) and all(t.get("high", 1) < MODERATE for t in found)


def _prediction_verdict(facts: Facts, within: dict[str, dict]) -> str:
    shown = foretold(facts)
    names = listed([title(g) for g in shown])
    scope = "whether a structure varies more in one scan than in another"
    if shown and len(shown) == len(within):
        return f"Yes: in {names} voxelwise uncertainty foretells {scope}, beyond chance."
    if shown:
        others = listed([title(g) for g in within if g not in shown])
        return (
            f"In part: in {names} voxelwise uncertainty foretells {scope}, beyond chance; in"
            f" {others} that is not shown."
        )
    if excluded(facts):
        return (
            f"No: voxelwise uncertainty does not foretell {scope}; correlations of {MODERATE} or"
            " more are excluded."
        )
    every = listed([title(g) for g in within], "or")
    return (
        f"That voxelwise uncertainty foretells {scope} is not shown in {every}, and not excluded:"
        " no correlation is beyond chance, but the intervals are wide."
    )


def _regressions(facts: Facts) -> list[str]:
    trees = {g: t for g in facts.groups if (t := facts.get("prediction", g)) and "r2" in t}
    inside = [r2 for tree in trees.values() for r2 in tree["r2"].values()]
    if not inside:
        return []
    controls = [tree.get("controls", {}) for tree in trees.values()]
    out = [
        part["leave_exam_out"]
        for tree in controls
        for part in (tree.get("histogram", {}), tree.get("summary", {}))
        if "leave_exam_out" in part
    ]
    words = f"Pooled over structures, histograms and summaries explain {spread(inside)} in sample"
    words += f", and {spread(out)} of exams left out" if out else ""
    known = [t for t in trees.values() if "structure_means" in t.get("controls", {})]
    if not known:
        return [f"{words}."]
    means = [tree["controls"]["structure_means"] for tree in known]
    less = all(
        max(t["r2"].values(), default=0.0) <= t["controls"]["structure_means"] for t in known
    )
    relation = "less than" if less else "which compares with what"
    return [
        f"{words}; {relation} merely knowing the structure explains ({spread(means)} in sample)."
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
        part, name = known[best], SURROGATES.get(best, title(best))
        lines.append(
            f"{title(group)}: best of {len(known)} surrogates is {name}"
            f" ({part.get('cost', 'cost not told')}): R² = {number(part['pooled_r2'])}"
            f" ({span(part.get('pooled_r2_low'), part.get('pooled_r2_high'))}) of ln CV over all"
            f" structures; those from images alone reach {number(max(images, default=None))}."
        )
    return lines


def certainty(facts: Facts) -> Answer:
    """Say how much a study of this size can tell at all."""
    question = "How sure is that?"
    members = [len(seeds) for seeds in facts.members.values()]
    size = (
        f"{counted(facts.n_scans, 'scan')} of {counted(facts.n_exams, 'exam')} and"
        f" {_range(members)} members an architecture"
    )
    kind = "simulated heads, so it tests the method and says nothing of scanners"
    cohort = kind if facts.simulated else "measured scans"
    verdict = f"The study rests on {size}: {cohort}. {_ceiling_verdict(facts)}"
    return Answer(question, verdict.strip(), (*_ceilings(facts), *_members_needed(facts)))


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def ceilings(facts: Facts, scope: str) -> dict[str, dict]:
    """Return each architecture's ceilings of R² in a scope: estimate -> value, low, high."""
    found = {g: facts.get("inference", g, "ceiling", scope) or {} for g in facts.groups}
    return {
        g: {k: t[k] for k in ("split_half", "analytic") if "value" in (t.get(k) or {})}
        for g, t in found.items()
        if t
    }


def _values(found: dict[str, dict], key: str) -> list[float]:
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
        lines.append(f"The ceiling of R² {name} is {spread(values)}{within}.")
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


QUESTIONS: tuple[Callable[[Facts], Answer], ...] = (variation, bias, prediction, certainty)


def headline(facts: Facts) -> pd.DataFrame:
    """Return the numbers behind the answers, one row an architecture, as they are printed."""
    return pd.DataFrame([_row(facts, group) for group in facts.groups])


def largest_bias(facts: Facts, group: str) -> str:
    """Return the most biased structure of a group and its bias (%) as they are printed."""
    found = facts.get("volumes", group, "bias") or {}
    worst = max(found, key=lambda k: abs(found[k])) if found else None
    return f"{title(worst)} {number(found[worst], 1, sign=True)}" if worst else DASH


def interval(tree: Mapping[str, float]) -> str:
    """Return a correlation and its interval as they are printed."""
    return f"{number(tree.get('r'))} ({span(tree.get('low'), tree.get('high'))})"


def _row(facts: Facts, group: str) -> dict[str, str]:
    r2 = facts.get("prediction", group, "r2") or {}
    within = facts.get("inference", group, "pearson", "within_structure") or {}
    ceiling = ceilings(facts, "pooled").get(group, {})
    alone = facts.get("surrogates", group, "std_mean", "pooled_r2")
    return {
        "architecture": title(group),
        "members": str(len(facts.members[group])),
        "PSNR (dB)": number(facts.get("image_quality", group, "psnr", "mean"), 1),
        "median CV (%)": number(facts.get("volumes", group, "cv", "median")),
        "largest bias (%)": largest_bias(facts, group),
        "R² histogram": number(r2.get("histogram")),
        "R² summary": number(r2.get("summary")),
        "R² mean SD alone": number(alone),
        "ceiling of R²": spread([e["value"] for e in ceiling.values()]),
        "r within structures": interval(within),
    }
