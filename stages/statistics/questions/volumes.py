"""How much the volumes of each group vary over its members, and how far they are off."""

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.bias import bias_table, structure_biases
from stages.statistics.methods.gaps import grid
from stages.statistics.methods.variability import medians


def ask(cohort: Cohort, params: AnalyseParams, _: np.random.Generator) -> Answer:
    """Return coefficients of variation and biases: medians over scans, and all of them as tables.

    Bias is against the fully sampled scans and, where they are known, against true volumes. A
    structure-scan pair without a positive volume is left out and counted in `excluded`.
    """
    tree: Tree = {}
    undefined: list[str] = []
    for group in cohort.compared:
        tree[group], pairs = _of_group(cohort, group, params.structures)
        undefined += [f"{group}: {pair}" for pair in pairs]
    tree |= _of_reference(cohort)
    return Answer(tree, {"cv": cohort.cv, "bias": cohort.bias}, tuple(undefined))


def _of_group(cohort: Cohort, group: str, structures: tuple[str, ...]) -> tuple[Tree, list[str]]:
    """Return the metrics of one group, and the names of its undefined structure-scan pairs."""
    volumes, missing = grid(of(cohort.volumes, group), structures, list(cohort.subject_of))
    found: Tree = {}
    undefined = [*_undefined(of(cohort.bias, group), "bias"), *missing]
    cv = of(cohort.cv, group)
    if group in cohort.ensembles.variable:
        undefined = list(dict.fromkeys(_undefined(cv, "cv") + undefined))
        found["cv"] = {"median": float(cv["cv"].median())} | medians(cv, "cv").get(group, {})
    found["bias"] = structure_biases(cohort.bias, group)
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
