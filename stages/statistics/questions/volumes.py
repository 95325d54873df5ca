"""How much the volumes of each group vary over its members, and how far they are off.

Intervals are of other subjects and other members (`methods/crossed_intervals.py`). Baselines are
single members: only subjects are drawn.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.bias import bias_table, structure_biases
from stages.statistics.methods.crossed_intervals import (
    Crossed,
    difference,
    interval,
    joint_half_width,
)
from stages.statistics.methods.gaps import grid, without_gaps
from stages.statistics.methods.member_medians import (
    Draws,
    draw,
    median_absolute_bias,
    median_spread,
    member_cube,
    row_means,
)
from stages.statistics.methods.variability import PERCENT, medians, positive
from stages.study.groups import ADDED_NOISE


@dataclass(frozen=True)
class Estimates:
    """What is compared between groups; None where it was not measured."""

    cv: Crossed | None
    """Median CV over structure-scan pairs, percent."""

    absolute_bias: Crossed
    """Median absolute bias over structures, percent."""

    mean_bias: Crossed
    """Of each structure over scans, percent."""


def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return coefficients of variation and biases: medians over scans, and all of them as tables.

    Bias is against the fully sampled scans and, where they are known, against true volumes. A
    structure-scan pair without a positive volume is left out and counted in `excluded`.

    Beside the medians over scans stand, with intervals over subjects and members: `cv.median`;
    `absolute_bias.median`; `mean_bias`, the mean over scans of each structure, whose intervals hold
    together (Bonferroni); `n_biased`, the structures whose interval excludes 0 and what noise alone
    shifts the volume by; and of networks `cv_difference` and `absolute_bias_difference`, this group
    less another.
    """
    draws = draw(cohort.subject_of, params.bootstrap_draws, rng, cohort.nested)
    estimates = {group: _estimates(cohort, group, params, draws) for group in cohort.compared}
    tree: Tree = {}
    undefined: list[str] = []
    for group in cohort.compared:
        tree[group], pairs = _of_group(cohort, group, params.structures)
        undefined += [f"{group}: {pair}" for pair in pairs]
        _add_intervals(tree[group], group, estimates, params)
        if group in cohort.ensembles.studied:
            others = [name for name in cohort.ensembles.studied if name != group]
            tree[group] |= _differences(estimates, group, others, params.level)
    tree |= _of_reference(cohort)
    return Answer(tree, {"cv": cohort.cv, "bias": cohort.bias}, tuple(undefined))


def _estimates(cohort: Cohort, group: str, params: AnalyseParams, draws: Draws) -> Estimates:
    names = params.structures
    cube = member_cube(of(cohort.volumes, group), "volume_mm3", names, draws.scans)
    reference = pair_matrix(cohort.reference, "volume_mm3", list(names), draws.scans)
    biases = PERCENT * (cube / positive(reference)[..., None] - 1.0)
    varies = group in cohort.ensembles.variable
    own = draws.of(group)
    return Estimates(
        median_spread(cube, own, relative=True) if varies else None,
        median_absolute_bias(biases, own),
        row_means(biases, own),
    )


def _add_intervals(
    found: Tree, group: str, estimates: dict[str, Estimates], params: AnalyseParams
) -> None:
    own, noise = estimates[group], estimates.get(ADDED_NOISE)
    leaves: Tree = {"absolute_bias": {"median": float(own.absolute_bias.value)}}
    leaves["absolute_bias"] |= _positive_ends(own.absolute_bias, params.level)
    if own.cv is not None:
        leaves["cv"] = _positive_ends(own.cv, params.level)
    reach = joint_half_width(own.mean_bias, params.level)
    values = own.mean_bias.value
    leaves["mean_bias"] = {
        name: {"value": float(value), "low": float(value - r), "high": float(value + r)}
        for name, value, r in zip(params.structures, values, reach, strict=True)
    }
    known, _ = without_gaps(leaves)
    found["cv"] = found.get("cv", {}) | known.pop("cv", {})
    if not found["cv"]:
        del found["cv"]
    if np.isfinite(reach).any():
        others = noise is not None and noise is not own  # noise is judged by 0 alone
        shift = np.abs(noise.mean_bias.value) if noise and others else 0.0
        known["n_biased"] = int(biased(values, reach, shift).sum())
    found |= {name: part for name, part in known.items() if part != {}}


def biased(values: np.ndarray, reach: np.ndarray, shift: np.ndarray | float) -> np.ndarray:
    """Return whether value -+ reach excludes 0 and every bias of the size `shift` or less.

    Args:
        values: (n,), percent.
        reach: (n,), half widths; NaN is not biased.
        shift: (n,) or one number, not negative, NaN counts as 0: what noise alone does.
    """
    return np.abs(values) - reach > np.nan_to_num(shift)


def _positive_ends(found: Crossed, level: float) -> dict[str, float]:
    ends = interval(found, level)
    return {"low": float(np.maximum(ends.low, 0.0)), "high": ends.high}


def _differences(
    estimates: dict[str, Estimates], group: str, others: list[str], level: float
) -> Tree:
    """Return this group less each other one, subjects and members drawn anew."""
    tree: Tree = {"cv_difference": {}, "absolute_bias_difference": {}}
    for other in others:
        first, second = estimates[group], estimates[other]
        pairs = [("absolute_bias_difference", first.absolute_bias, second.absolute_bias)]
        if first.cv is not None and second.cv is not None:
            pairs.append(("cv_difference", first.cv, second.cv))
        for name, own, its in pairs:
            found = difference(own, its)
            ends = interval(found, level)
            tree[name][other] = {"value": float(found.value), "low": ends.low, "high": ends.high}
    known, _ = without_gaps(tree)
    return {name: part for name, part in known.items() if part}


def _of_group(cohort: Cohort, group: str, structures: tuple[str, ...]) -> tuple[Tree, list[str]]:
    """Return the metrics of one group, and the names of its undefined structure-scan pairs."""
    volumes, missing = grid(of(cohort.volumes, group), structures, list(cohort.subject_of))
    found: Tree = {}
    known = len(cohort.reference) > 0
    undefined = [*_undefined(of(cohort.bias, group), "bias"), *missing] if known else missing
    cv = of(cohort.cv, group)
    if group in cohort.ensembles.variable:
        undefined = list(dict.fromkeys(_undefined(cv, "cv") + undefined))
        found["cv"] = {"median": float(cv["cv"].median())} | medians(cv, "cv").get(group, {})
    found |= {"bias": structure_biases(cohort.bias, group)} if known else {}
    if cohort.truth is not None:
        found["bias_truth"] = structure_biases(bias_table(volumes, cohort.truth), group)
    return found | {"excluded": len(undefined)}, undefined


def _undefined(table: pd.DataFrame, value: str) -> list[str]:
    rows = table[table[value].isna()]
    return [f"{k} of {s}" for k, s in zip(rows["structure"], rows["subject"], strict=True)]


def _of_reference(cohort: Cohort) -> Tree:
    """Return how far the fully sampled scans are off true volumes themselves."""
    if cohort.truth is None:
        return {"truth": "absent: the cohort is not simulated"}
    biases = bias_table(cohort.reference, cohort.truth)
    return {
        group: {"bias_truth": structure_biases(biases, group)}
        for group in dict.fromkeys(cohort.reference["group"])
    }
