"""How much cortical thickness varies over members, how far it is off, and what predicts it.

The truth is the same measure of the true label map, which has the scan's voxels: what the voxels do
to thin cortex is in neither bias, and absolute values of coarse scans are too large. Blocks are
those of `measures/thickness/lobes.py`. Intervals are those of question `volumes`: of other
subjects and members; that of a rank correlation leaves each subject out in turn.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import t as student

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.bias import bias_table, structure_biases
from stages.statistics.methods.crossed_intervals import Crossed, interval
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.member_medians import (
    Draws,
    draw,
    median_absolute_bias,
    median_spread,
    member_cube,
    row_means,
)
from stages.statistics.methods.rank_agreement import rank_agreement
from stages.statistics.methods.relation import WITHIN
from stages.statistics.methods.variability import PERCENT, cv_table, medians, positive
from stages.statistics.needs import REFERENCE, THICKNESS, needs
from stages.statistics.questions.power import PowerOptions, power, variabilities

WHOLE = "cortex"
AS_VOLUMES = {"region": "structure", "thickness_mm": "volume_mm3"}
"""Columns of thickness -> those that methods of volumes read; a thickness is in mm for all that."""
PAIR = ["group", "structure", "subject"]
VALUES = ["mean_mm", "cv", "bias", "bias_truth", "std_mean"]
COLUMNS = ["group", "region", "subject", "n_members", *VALUES]


@needs(THICKNESS, REFERENCE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return variability, bias, detectable change and predictors of the thickness of all groups."""
    every = cohort.thickness.rename(columns=AS_VOLUMES)
    target = cohort.ensembles.target
    known = of(every, target.name if target else "")
    truth = cohort.true_thickness
    true = None if truth is None else truth.rename(columns=AS_VOLUMES)
    table = pair_table(every, known, true)
    draws = draw(cohort.subject_of, params.bootstrap_draws, rng, cohort.nested)
    changes = _detectable(cohort, every, known, params, rng)
    tree: Tree = {}
    for group in cohort.compared:
        if of(every, group).empty:
            continue
        leaves = _spread_and_bias(of(every, group), known, draws.of(group), params.level)
        leaves["bias"] = structure_biases(table, group)
        leaves["bias_truth"] = _truth_biases(table, group)
        leaves["detectable_change_percent"] = changes.get(group, {})
        if group in cohort.ensembles.variable:
            leaves["cv_predicted_by"] = _predictors(cohort, table, group, params.level)
        kept, gaps = without_gaps(leaves)
        tree[group] = {k: v for k, v in kept.items() if v != {}} | {"undefined": len(gaps)}
    if target and true is not None:
        tree[target.name] = {"bias_truth": _truth_biases(table, target.name)}
    deviations = cohort.regions[[*PAIR, "mean"]].rename(columns={"mean": "std_mean"})
    deviations = deviations[deviations["structure"] == WHOLE]
    table = table.merge(deviations, on=PAIR, how="left")
    return Answer(tree, {"thickness": table.rename(columns={"structure": "region"})[COLUMNS]})


def pair_table(
    thickness: pd.DataFrame, known: pd.DataFrame, true: pd.DataFrame | None
) -> pd.DataFrame:
    """Return CV and biases of each group, region and scan.

    Args:
        thickness: columns group, member, subject, structure (a region), volume_mm3 (mm).
        known: the same of the fully sampled scans.
        true: columns subject, structure, volume_mm3 (mm); None where it is not known.

    Returns:
        Columns group, structure, subject, n_members, mean_mm, cv, bias, bias_truth (percent; NaN
        where undefined).
    """
    table = cv_table(thickness).rename(columns={"mean_mm3": "mean_mm"})
    nothing = thickness[:0]
    for name, target in (("bias", known), ("bias_truth", nothing if true is None else true)):
        found = bias_table(thickness, target).rename(columns={"bias": name})
        table = table.merge(found, on=PAIR, how="left", validate="one_to_one")
    return table


def blocks(regions: list[str]) -> list[str]:
    """Return the regions that no other one parts: lobes of hemispheres, or lobes of both."""
    sided = [name for name in regions if "_" in name]
    return sided or [name for name in regions if name not in (WHOLE, "left", "right")]


def _spread_and_bias(own: pd.DataFrame, known: pd.DataFrame, draws: Draws, level: float) -> Tree:
    """Return the medians over pairs of a block and a scan, and the whole cortex, with intervals."""
    parts = tuple(blocks(list(dict.fromkeys(own["structure"]))))
    cube = member_cube(own, "volume_mm3", parts, draws.scans)
    reference = pair_matrix(known, "volume_mm3", list(parts), draws.scans)
    biases = PERCENT * (cube / positive(reference)[..., None] - 1.0)
    leaves: Tree = {"absolute_bias": _with_ends(median_absolute_bias(biases, draws), level, 0.0)}
    if cube.shape[-1] > 1:
        spread = median_spread(cube, draws, relative=True)
        (of_regions,) = medians(cv_table(own), "cv").values()
        leaves["cv"] = _with_ends(spread, level, 0.0) | of_regions
    whole = member_cube(own, "volume_mm3", (WHOLE,), draws.scans)
    apart = whole - pair_matrix(known, "volume_mm3", [WHOLE], draws.scans)[..., None]
    mean = _with_ends(row_means(apart, draws).single(), level)
    return leaves | {"difference_mm": {"mean": mean.pop("median")} | mean}


def _with_ends(found: Crossed, level: float, least: float = -np.inf) -> dict[str, float]:
    ends = interval(found, level)
    low = float(np.maximum(ends.low, least))
    return {"median": float(found.value), "low": low, "high": ends.high}


def _truth_biases(table: pd.DataFrame, group: str) -> dict[str, float]:
    return medians(table, "bias_truth").get(group, {})


def _detectable(
    cohort: Cohort,
    every: pd.DataFrame,
    known: pd.DataFrame,
    params: AnalyseParams,
    rng: np.random.Generator,
) -> dict[str, Tree]:
    """Return group -> scope -> smallest detectable change of the whole cortex, as in `power`."""
    own, reference = (t[t["structure"] == WHOLE].dropna() for t in (every, known))
    as_volumes = replace(cohort, volumes=own, reference=reference, draws=None)
    found = variabilities(as_volumes, params.level, rng)
    tree, _ = power(found, PowerOptions(**params.trial.model_dump()))
    return {group: leaves["detectable_change_percent"] for group, leaves in tree.items()}


def _predictors(cohort: Cohort, table: pd.DataFrame, group: str, level: float) -> Tree:
    """Return Spearman's coefficient of the cortex's CV with what may predict it, over scans."""
    own = of(table, group)
    own = own[own["structure"] == WHOLE]
    sources = {"std_mean": (cohort.regions, "mean"), "volume_cv": (cohort.cv, "cv")}
    tree: Tree = {}
    for name, (source, column) in sources.items():
        theirs = of(source, group)
        theirs = theirs[theirs["structure"] == WHOLE]
        if own.empty or theirs.empty:
            continue
        found = rank_agreement(theirs, own, (column, "cv"), cohort.subject_of, level)[WITHIN]
        sizes = {"n": found.n, "detectable_r": detectable_r(found.n, level)}
        tree[name] = found.leaves() | sizes
    return tree


def detectable_r(n: int, level: float) -> float:
    """Return the smallest correlation of n pairs that a two-sided t-test finds significant.

    r = t / sqrt(n - 2 + t^2), t the quantile of n - 2 degrees of freedom; of ranks, about.

    Args:
        n: independent pairs; NaN below three.
        level: one less the significance level.
    """
    if n < 3:
        return float("nan")
    t = float(student.ppf((1 + level) / 2, n - 2))
    return t / float(np.sqrt(n - 2 + t**2))
