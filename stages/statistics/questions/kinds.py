"""Which kind of repeated image, at what cost, predicts how variable and how wrong a volume is.

Kinds are groups of several members: ensembles of trained networks, draws of one network, noise.
Their predictors are the mean voxelwise SD of a structure (`sd`) and the CV of its volume (`cv`).
What they predict, ln of

- `ensemble_cv`: the CV between trained networks of the same architecture;
- `bias_reference`, `bias_truth`: |bias| of the group's own mean volume.

R^2 = 1 - sum (y - y_hat)^2 / sum (y - y_0)^2 of subjects that the fit has not seen. `pooled` has
one line for all pairs, and y_0 is their mean: it counts that structures differ. `within_structure`
has a mean for each structure, which is y_0 as well: what the predictor adds to a table of
structures. A group that predicts itself does so from one half of its members to the other, both
ways, so that both share no noise.

Costs are counts: seconds differ from run to run, and stand in the records of the stages.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.measures.members import HALVES
from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.bootstrap import LEAST_CLUSTERS, Interval
from stages.statistics.methods.crossed_intervals import interval
from stages.statistics.methods.disjoint_halves import OTHER, half_targets
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.jackknife import left_out_interval
from stages.statistics.methods.left_out import explained, left_out_errors
from stages.statistics.methods.member_medians import Draws, draw, median_spread, member_cube
from stages.statistics.methods.relation import Pair, relations
from stages.statistics.methods.split_half import reliability
from stages.statistics.needs import REFERENCE, SEVERAL, needs
from stages.statistics.questions.bias_prediction import log_bias
from stages.statistics.questions.calibration import calibrate
from stages.statistics.questions.conformal import conformal
from stages.study.groups import Group

POOLED, WITHIN = "pooled", "within_structure"
SCOPES = (POOLED, WITHIN)
SD, CV = "sd", "cv"  # predictors
ENSEMBLE_CV = "ensemble_cv"
WIDTHS = ("absolute", "scaled")  # methods of conformal intervals: without and with the group's SD
CALIBRATION = ("spread_skill", "crps")
COLUMNS = ["group", "of", "kind", "n_members", "n_trainings", "n_reconstructions"]
VALUES = ["target", "predictor", "estimate", "scope", "n", "value", "low", "high"]
NOTHING = Interval(np.nan, np.nan, 0)


class Question(NamedTuple):
    """What is predicted by what: pairs of (predictor, target) that share no noise."""

    target: str
    predictor: str
    pairs: list[Pair]
    """Logarithms, (n_structures, n_scans) each: one pair, or both directions of two halves."""


@needs(SEVERAL, REFERENCE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return CV, calibration, width, predictions and cost of every group of several members."""
    draws = draw(cohort.subject_of, params.bootstrap_draws, rng, cohort.nested)
    tree: Tree = {}
    rows: list[tuple[object, ...]] = []
    for name in cohort.ensembles.variable:
        group = cohort.ensembles.group(name)
        about = description(group)
        found = spreads(cohort, group, params, draws)
        found["predicts"], lines = predictions(cohort, group, params, rng)
        leaves, gaps = without_gaps(found)
        tree[name] = about | leaves | {"undefined": len(gaps)}
        head = (name, *about.values())
        rows += [(*head, *line) for line in (*spread_rows(found), *lines)]
    return Answer(tree, {"kinds": pd.DataFrame(rows, columns=[*COLUMNS, *VALUES])})


def description(group: Group) -> Tree:
    """Return what a group is drawn from, its kind, its members and their cost.

    Reconstructions and segmentations are as many a scan as there are members; a group of draws
    needs one training, whatever their number.
    """
    n_trainings = len(group.members) if group.kind.trained else 0
    return {
        "of": group.of_group or group.name,
        "kind": group.method or group.kind.name,
        "members": len(group.members),
        "trainings": 1 if group.of_group else n_trainings,
        "reconstructions": len(group.members),
    }


def spreads(cohort: Cohort, group: Group, params: AnalyseParams, draws: Draws) -> Tree:
    """Return the median CV of volumes, their calibration and the width of conformal intervals."""
    volumes = of(cohort.volumes, group.name).reset_index(drop=True)
    cube = member_cube(volumes, "volume_mm3", params.structures, draws.scans)
    spread = median_spread(cube, draws.of(group.name), relative=True)
    ends = interval(spread, params.level)
    tree: Tree = {"cv": {"value": float(spread.value), "low": ends.low, "high": ends.high}}
    for name, known in targets(cohort).items():
        if group.kind.adds_noise and known is cohort.reference:
            continue  # what it adds noise to is no target of its own
        scores, _ = calibrate(volumes, known, draws, params.level)
        widths, _ = conformal(volumes, known, cohort.subject_of, params.alpha)
        own = {leaf: scores[group.name].get(leaf, np.nan) for leaf in CALIBRATION}
        own["conformal_width"] = {m: widths[group.name][m].get("width", np.nan) for m in WIDTHS}
        tree[name] = own
    return tree


def targets(cohort: Cohort) -> dict[str, pd.DataFrame]:
    """Return the volumes that others are compared with, by name."""
    known = {"reference": cohort.reference}
    return known if cohort.truth is None else known | {"truth": cohort.truth}


def spread_rows(found: Tree) -> Iterator[tuple[object, ...]]:
    """Yield `VALUES` of what `spreads` returns."""
    yield ("", "", "cv", "", 0, *found["cv"].values())
    for name in ("reference", "truth"):
        if name not in found:
            continue
        part = found[name]
        ratio = part["spread_skill"] if isinstance(part["spread_skill"], dict) else {}
        ends = (ratio.get(leaf, np.nan) for leaf in ("value", "low", "high"))
        yield (name, "", "spread_skill", "", 0, *ends)
        yield (name, "", "crps", "", 0, part["crps"], np.nan, np.nan)
        for method, width in part["conformal_width"].items():
            yield (name, "", f"width_{method}", "", 0, width, np.nan, np.nan)


def predictions(
    cohort: Cohort, group: Group, params: AnalyseParams, rng: np.random.Generator
) -> tuple[Tree, list[tuple[object, ...]]]:
    """Return target -> predictor -> scope -> R^2 of a group, with the targets' noise ceilings."""
    tree: Tree = {}
    rows: list[tuple[object, ...]] = []
    clusters = np.array(list(cohort.subject_of.values()))
    for question in questions(cohort, group, params):
        tree.setdefault(question.target, {})[question.predictor] = {}
        for scope in SCOPES:
            value, ends = left_out_r2(question.pairs, clusters, params.level, scope)
            n = int(np.isfinite(np.array(question.pairs)).all(axis=1).sum())
            leaf = {"r2": value, "low": ends.low, "high": ends.high}
            tree[question.target][question.predictor][scope] = leaf
            rows.append((question.target, question.predictor, "r2", scope, n, *leaf.values()))
    for target in tree:
        for scope, leaf in ceiling(cohort, group, target, params, rng).items():
            tree[target].setdefault("noise_ceiling", {})[scope] = leaf
            rows.append((target, "", "noise_ceiling", scope, 0, *leaf.values()))
    return tree, rows


def questions(cohort: Cohort, group: Group, params: AnalyseParams) -> Iterator[Question]:
    """Yield what a group is asked to predict."""
    names, scans = list(params.structures), list(cohort.subject_of)
    whole, half = whole_predictors(cohort, group), half_predictors(cohort, group)
    predictors = (SD, CV) if group.aligned else (CV,)  # rescans have no voxels in common
    for ensemble in predicted_ensembles(cohort, group):
        if ensemble == group.name:
            known = half_targets(of(cohort.volumes, group.name))
            for name in predictors:
                yield Question(ENSEMBLE_CV, name, crossed_pairs(half[name], known, names, scans))
            continue
        cv = of(cohort.cv, ensemble).assign(target=lambda table: logarithm(table["cv"]))
        target = pair_matrix(cv, "target", names, scans)
        several = len(predicted_ensembles(cohort, group)) > 1
        label = f"{ENSEMBLE_CV}_{ensemble}" if several else ENSEMBLE_CV
        for name in predictors:
            predictor = pair_matrix(whole[name], "value", names, scans)
            yield Question(label, name, [(predictor, target)])
    for against, reference in targets(cohort).items():
        known = half_targets(of(cohort.volumes, group.name), partial(log_bias, reference=reference))
        for name in predictors:
            pairs = crossed_pairs(half[name], known, names, scans)
            yield Question(f"bias_{against}", name, pairs)


def predicted_ensembles(cohort: Cohort, group: Group) -> tuple[str, ...]:
    """Return the ensembles whose CV a group is asked for: of its architecture, or all of them."""
    trained = cohort.ensembles.ensembles
    own = group.of_group or group.name
    return (own,) if own in trained else trained


def whole_predictors(cohort: Cohort, group: Group) -> dict[str, pd.DataFrame]:
    """Return the logarithm of both predictors of all members; columns structure, subject, value."""
    regions, cv = of(cohort.spread, group.name), of(cohort.cv, group.name)
    return {
        SD: regions[["structure", "subject"]].assign(value=logarithm(regions["mean"])),
        CV: cv[["structure", "subject"]].assign(value=logarithm(cv["cv"])),
    }


def half_predictors(cohort: Cohort, group: Group) -> dict[str, pd.DataFrame]:
    """Return the same of each half of the members, with the half."""
    regions = of(cohort.half_spread, group.name)
    keys = ["structure", "subject", "half"]
    cv = half_targets(of(cohort.volumes, group.name)).rename(columns={"target": "value"})
    return {SD: regions[keys].assign(value=logarithm(regions["mean"])), CV: cv}


def logarithm(values: pd.Series) -> np.ndarray:
    """Return ln of values, NaN where they are not positive."""
    known = values.to_numpy(np.float64)
    return np.log(np.where(known > 0, known, np.nan))


def crossed_pairs(
    predictor: pd.DataFrame, target: pd.DataFrame, structures: list[str], scans: list[str]
) -> list[Pair]:
    """Return each half's predictor with the other half's target.

    Args:
        predictor: columns structure, subject, half, value.
        target: columns structure, subject, half, target.
        structures: of the rows.
        scans: of the columns.
    """
    return [
        (
            pair_matrix(predictor[predictor["half"] == half], "value", structures, scans),
            pair_matrix(target[target["half"] == OTHER[half]], "target", structures, scans),
        )
        for half in HALVES
    ]


def left_out_r2(
    pairs: list[Pair], clusters: np.ndarray, level: float, scope: str
) -> tuple[float, Interval]:
    """Return R^2 of subjects that the fit has not seen, the mean over pairs, and its interval.

    The interval leaves out each subject and, of pooled pairs, each structure as well: both are
    samples (`methods/relation.py`).

    Args:
        pairs: predictor and target, (n_structures, n_scans) each, NaN where absent.
        clusters: (n_scans,) the subject of each scan.
        level: coverage, between 0 and 1.
        scope: of `SCOPES`.
    """

    shape, names = pairs[0][0].shape, np.unique(clusters)
    free = len(names) - LEAST_CLUSTERS  # of one subject alone no slope within structures is known
    if scope == WITHIN and free < 0:
        return float("nan"), NOTHING
    known = np.isfinite(np.array(pairs)).all(axis=1).any(axis=(0, 2))
    rows = np.flatnonzero(known) if scope == POOLED else np.empty(0, dtype=int)
    kept = np.ones((1 + len(names) + len(rows), *shape), dtype=bool)
    for k, name in enumerate(names, start=1):
        kept[k][:, clusters == name] = False
    for k, row in enumerate(rows, start=1 + len(names)):
        kept[k, row] = False
    found = np.mean([r2_of(*pair, kept, clusters, scope) for pair in pairs], axis=0)
    value, without = float(found[0]), [found[1 : 1 + len(names)]]
    if not np.isfinite(value) or (scope == WITHIN and free == 0):
        return value, NOTHING
    if scope == POOLED:
        without.append(found[1 + len(names) :])
    return value, left_out_interval(value, without, level)


def r2_of(
    x: np.ndarray, y: np.ndarray, kept: np.ndarray, clusters: np.ndarray, scope: str
) -> np.ndarray:
    """Return R^2 of one pair for several choices of its values, (n_variants,).

    Args:
        x: predictor, (n_structures, n_scans), NaN where absent.
        y: target, the same shape.
        kept: (n_variants, n_structures, n_scans) which values count.
        clusters: (n_scans,) the subject of each scan.
        scope: of `SCOPES`.

    Returns:
        NaN with fewer than two subjects.
    """
    known = np.isfinite(x) & np.isfinite(y)
    present, by_structure = kept & known, scope == WITHIN
    values, target = np.where(known, x, 0.0), np.where(known, y, 0.0)
    errors = left_out_errors(target, [values], present, clusters, by_structure=by_structure)
    baseline = left_out_errors(target, [], present, clusters, by_structure=by_structure)
    return explained(errors, baseline)


def ceiling(
    cohort: Cohort, group: Group, target: str, params: AnalyseParams, rng: np.random.Generator
) -> dict[str, dict[str, float]]:
    """Return the in-sample R^2 that a perfect predictor of a target would reach, by scope.

    Of the CV of an ensemble from the agreement of its halves (`split_half`): of all its members
    for the predictors of other groups, of one half for its own. Of |bias| from the correlation of
    both halves. Empty where halves have less than two members.
    """
    if target.startswith(ENSEMBLE_CV):
        owner = target.removeprefix(ENSEMBLE_CV).removeprefix("_") or group.of_group or group.name
        volumes, name = of(cohort.volumes, owner), "split_half"
        name = "between_halves" if owner == group.name else name
        known, _ = reliability(volumes, cohort.subject_of, params.subsets, params.level, rng)
        return {scope: known[scope][name] for scope in SCOPES}
    reference = targets(cohort)[target.removeprefix("bias_")]
    halves = half_targets(of(cohort.volumes, group.name), partial(log_bias, reference=reference))
    names, scans = list(params.structures), list(cohort.subject_of)
    first, second = (
        pair_matrix(halves[halves["half"] == half], "target", names, scans) for half in HALVES
    )
    clusters = np.array(list(cohort.subject_of.values()))
    found = relations([(first, second)], clusters, params.level)
    leaves = {s: [max(v, 0.0) for v in (r.r, r.low, r.high)] for s, r in found.items()}
    return {s: dict(zip(("value", "low", "high"), ends, strict=True)) for s, ends in leaves.items()}
