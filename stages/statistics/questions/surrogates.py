"""Which surrogate of volume uncertainty predicts the coefficient of variation, and at what cost.

ln target = a + b ln value: a law of proportion has b = 1, whatever the unit of the surrogate. The
target is the CV, or another positive measure of a structure-scan pair (`bias_prediction`).

A surrogate of the same members shares their sampling noise with the target: what it explains is no
prediction. So half of the members predict the target of the other half, too (`disjoint`), which the
agreement of the halves bounds. Beside them stands the size of the volume, which is no uncertainty.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.baselines import partial_r2, random_structure_r2, wrong_subject
from stages.statistics.methods.correlation import centre, spearman
from stages.statistics.methods.disjoint_halves import (
    Cohorts,
    Measure,
    disjoint_pairs,
    disjoint_relations,
    half_targets,
    log_cv,
    log_volume,
)
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.regression import (
    group_means_r2,
    in_sample_r2,
    leave_group_out_r2,
    within_group_r2,
)
from stages.statistics.methods.relation import POOLED, WITHIN, relations
from stages.statistics.needs import SEVERAL, VOXELWISE, needs
from stages.statistics.questions.prediction import orders

COSTS = {
    "0": "the volume itself",
    "A": "images",
    "B": "one segmentation",
    "C": "all segmentations",
}
VOLUME, SIZE_KIND = "volume", "0"  # the size of the structure, a baseline
IMAGE_STATISTICS = ("mean", "median", "p95")
ESTIMATES = (
    "pooled_r2",
    "within_structure_r2",
    "leave_one_subject_out_r2",
    "spearman_within",
    "beside_volume_r2",
    "beside_volume_within_r2",
)
WRONG = {"pooled_r2": False, "within_structure_r2": True}  # R^2 of wrong subjects: centred or not
SCOPES = (POOLED, WITHIN)
TARGET = "cv"
PAIR = ["structure", "subject"]
COLUMNS = ["group", "surrogate", "kind", "cost", "n", "n_left_out"]
VALUES = ["estimate", "value", "low", "high", "p"]
NOTHING = (np.nan, np.nan, np.nan)


class Targets(NamedTuple):
    """What is to be predicted, and the size of the same structures."""

    table: pd.DataFrame
    """Columns group, structure, subject and `name`."""
    size: pd.DataFrame
    """Columns group, structure, subject, mean_mm3."""
    name: str = TARGET


@needs(SEVERAL, VOXELWISE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return how well each surrogate predicts volume uncertainty, and what it costs."""
    whole = Cohorts(cohort.subject_of, orders(cohort, params, rng), params.level)
    cv = cohort.networks(cohort.cv)
    surrogates = with_volume(every_surrogate(cohort), cv)
    tables = [
        predict_target(surrogates, Targets(cv, cv), whole),
        *(disjoint_table(cohort, group, whole) for group in cohort.groups),
    ]
    table = pd.concat(tables, ignore_index=True)
    tree = surrogate_tree(table)
    for group, found in tree.items():
        found["baselines"] = without_gaps(baselines(of(cv, group)))[0]
    return Answer(tree, {"surrogates": table})


def baselines(cv: pd.DataFrame) -> Tree:
    """Return the R^2 of ln CV that a structure's name alone explains.

    Args:
        cv: columns structure, cv of one group.

    Returns:
        structure_only, of the means of the structures; random_structure -> mean, p95 of a number
        that is drawn for each structure. NaN where undefined.
    """
    known = cv[cv[TARGET] > 0]
    structure = known["structure"].to_numpy()
    if not len(known):
        return {"structure_only": float("nan")}
    means = group_means_r2(np.log(known[TARGET].to_numpy(np.float64)), structure)
    drawn = random_structure_r2(means, 1, len(np.unique(structure)))
    return {"structure_only": means, "random_structure": drawn._asdict()}


def every_surrogate(cohort: Cohort) -> pd.DataFrame:
    """Return columns group, subject, structure, surrogate, kind, value of all networks."""
    return pd.concat([image_surrogates(cohort.regions), cohort.surrogates], ignore_index=True)


def volume_surrogates(cohort: Cohort) -> pd.DataFrame:
    """Return `every_surrogate` and the volumes' own CV, as a predictor of other targets."""
    cv = cohort.networks(cohort.cv)
    own = cv.rename(columns={"cv": "value"}).assign(surrogate=TARGET, kind="C")
    return pd.concat([every_surrogate(cohort), own], ignore_index=True)


def with_volume(surrogates: pd.DataFrame, cv: pd.DataFrame) -> pd.DataFrame:
    """Return the surrogates and the size of the structure, the members' mean volume.

    Args:
        surrogates: columns group, subject, structure, surrogate, kind, value.
        cv: columns group, subject, structure, mean_mm3.
    """
    size = cv[["group", *PAIR]].assign(surrogate=VOLUME, kind=SIZE_KIND, value=cv["mean_mm3"])
    return pd.concat([size, surrogates], ignore_index=True)


def image_surrogates(regions: pd.DataFrame) -> pd.DataFrame:
    """Return summaries of the voxelwise standard deviation as surrogates of kind A.

    Args:
        regions: columns group, subject, structure and `IMAGE_STATISTICS`.

    Returns:
        Columns group, subject, structure, surrogate (`std_mean`, ...), kind, value.
    """
    names = {name: f"std_{name}" for name in IMAGE_STATISTICS}
    tidy = regions.rename(columns=names).melt(
        id_vars=["group", "subject", "structure"],
        value_vars=list(names.values()),
        var_name="surrogate",
    )
    tidy.insert(4, "kind", "A")
    return tidy


def logarithms(
    values: pd.DataFrame, targets: pd.DataFrame, target: str = TARGET
) -> tuple[pd.DataFrame, int]:
    """Return a surrogate and the target of the same pairs; pairs without a logarithm are left out.

    Args:
        values: columns structure, subject, value of one surrogate and group.
        targets: columns structure, subject and `target` of the same group: the pairs of the study.
        target: column name.

    Returns:
        Columns structure, subject, x (ln value), y (ln target), and the number of pairs left out.

    Raises:
        pandas.errors.MergeError: if a pair is there twice.
    """
    joined = targets[[*PAIR, target]].merge(
        values[[*PAIR, "value"]], on=PAIR, how="left", validate="one_to_one"
    )
    numbers = joined[["value", target]].to_numpy(np.float64)
    known = (np.isfinite(numbers) & (numbers > 0)).all(axis=1)
    x, y = np.log(numbers[known]).T
    return joined.loc[known, PAIR].assign(x=x, y=y).reset_index(drop=True), int((~known).sum())


def estimates(pairs: pd.DataFrame, clusters: np.ndarray) -> dict[str, float]:
    """Return R^2 of ln target on ln value, pooled, within structures and with subjects left out.

    Args:
        pairs: from `logarithms`, with size (ln volume, NaN where there is none).
        clusters: (n,) labels; scans of one person share theirs.

    Returns:
        `ESTIMATES`: R^2 in sample, R^2 centred per structure, R^2 of predicted subjects, Spearman's
        coefficient centred per structure, and both first of what ln volume leaves over; NaN where
        undefined.
    """
    x, y = pairs["x"].to_numpy(np.float64), pairs["y"].to_numpy(np.float64)
    structure = pairs["structure"].to_numpy()
    if not len(x):
        return dict.fromkeys(ESTIMATES, float("nan"))
    column = x[:, None]
    sized = np.isfinite(pairs["size"].to_numpy(np.float64))
    beside = (column[sized], y[sized], pairs["size"].to_numpy(np.float64)[sized])
    found = (
        in_sample_r2(column, y),
        within_group_r2(column, y, structure),
        leave_group_out_r2(column, y, clusters),
        spearman(centre(x, structure), centre(y, structure)),
        partial_r2(*beside),
        partial_r2(*beside, structure[sized]),
    )
    return dict(zip(ESTIMATES, found, strict=True))


def predict_target(
    surrogates: pd.DataFrame, targets: Targets, cohort: Cohorts, *, tested: bool = True
) -> pd.DataFrame:
    """Return how well each surrogate predicts the logarithm of a target, for each group.

    Args:
        surrogates: columns group, subject, structure, surrogate, kind (`COSTS`), value; groups
            without a target are left out.
        targets: of the same pairs.
        cohort: of the study.
        tested: whether correlations within structures have a p.

    Returns:
        `COLUMNS` and `VALUES`: `ESTIMATES`; pooled_r and within_structure_r with their intervals
        (`Relation`); wrong_subject_mean_ and wrong_subject_p95_ of both R^2. n_left_out: pairs
        without a positive, finite value and target; NaN where undefined.

    Raises:
        ValueError: if a kind is unknown.
    """
    unknown = sorted(set(surrogates["kind"]) - set(COSTS))
    if unknown:
        raise ValueError(f"expected surrogates of kind {', '.join(COSTS)}, got '{unknown[0]}'")
    rows: list[tuple[object, ...]] = []
    keys = ["group", "kind", "surrogate"]
    known = set(targets.table["group"])
    for (group, kind, name), values in surrogates.groupby(keys, sort=False):
        if group not in known:
            continue
        own = of(targets.table, group)
        pairs, n_left_out = logarithms(values, own, targets.name)
        size = of(targets.size, group)[[*PAIR, "mean_mm3"]]
        pairs = pairs.merge(size, on=PAIR, how="left")
        volume = pairs.pop("mean_mm3").to_numpy(np.float64)
        pairs["size"] = np.log(np.where(volume > 0, volume, np.nan))
        head = (group, name, kind, COSTS[kind], len(pairs), n_left_out)
        rows += [(*head, *row) for row in _of_pairs(pairs, cohort, tested)]
    return pd.DataFrame(rows, columns=[*COLUMNS, *VALUES])


def _of_pairs(pairs: pd.DataFrame, cohort: Cohorts, tested: bool) -> list[tuple[object, ...]]:
    """Return the rows `VALUES` of one surrogate."""
    clusters = np.array([cohort.subject_of[s] for s in pairs["subject"]], dtype=str)
    rows: list[tuple[object, ...]] = [
        (name, value, *NOTHING) for name, value in estimates(pairs, clusters).items()
    ]
    if not len(pairs):
        return rows
    structures = list(dict.fromkeys(pairs["structure"]))
    x, y = (pair_matrix(pairs, name, structures, cohort.scans) for name in "xy")
    order = cohort.order if tested else None
    found = relations([(x, y)], cohort.clusters, cohort.level, order)
    rows += [(f"{scope}_r", *found[scope]) for scope in SCOPES]
    for name, within in WRONG.items():
        wrong = wrong_subject(x[..., None], y, cohort.order, within=within)
        rows.append((f"wrong_subject_mean_{name}", wrong.mean, *NOTHING))
        rows.append((f"wrong_subject_p95_{name}", wrong.p95, *NOTHING))
    return rows


def disjoint_table(
    cohort: Cohort, group: str, whole: Cohorts, measure: Measure = log_cv
) -> pd.DataFrame:
    """Return how well surrogates of half of the members predict a target of the other half.

    Args:
        cohort: the study.
        group: name.
        whole: the same study, its permutations and level.
        measure: the logarithm of the target, of the volumes of one half; if it is not that of the
            CV, the CV is a predictor.

    Returns:
        `COLUMNS` and `VALUES`, disjoint_pooled_r and disjoint_within_structure_r over both
        directions; without rows where a half has fewer than two members.
    """
    volumes = of(cohort.volumes, group)
    targets = half_targets(volumes, measure)
    size = half_targets(volumes, log_volume).rename(columns={"target": "x"})
    parts = [
        size.assign(surrogate=VOLUME, kind=SIZE_KIND),
        logarithm(of(cohort.half_surrogates, group)),
    ]
    if measure is not log_cv:
        own = half_targets(volumes).rename(columns={"target": "x"})
        parts.append(own.assign(surrogate=TARGET, kind="C"))
    predictors = pd.concat(parts, ignore_index=True)
    rows: list[tuple[object, ...]] = []
    for (kind, name), values in predictors.groupby(["kind", "surrogate"], sort=False):
        pairs = disjoint_pairs(targets, values, ["x"])
        head = (group, name, kind, COSTS[kind], len(pairs), len(targets) - len(pairs))
        if pairs["half"].nunique() > 1:
            found = disjoint_relations(pairs, "x", whole)
            rows += [(*head, f"disjoint_{scope}_r", *found[scope]) for scope in SCOPES]
    return pd.DataFrame(rows, columns=[*COLUMNS, *VALUES])


def logarithm(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with `x`, the logarithm of its value, NaN where there is none."""
    value = table["value"].to_numpy(np.float64)
    return table.assign(x=np.log(np.where(value > 0, value, np.nan)))


def surrogate_tree(table: pd.DataFrame) -> Tree:
    """Return group -> surrogate -> cost, n, n_left_out, n_undefined and `surrogate_leaves`."""
    tree: dict[str, Tree] = {}
    for (group, name), part in table.groupby(["group", "surrogate"], sort=False):
        whole = part[part["estimate"].isin(ESTIMATES)].iloc[0]
        leaves, gaps = without_gaps(surrogate_leaves(part))
        tree.setdefault(group, {})[name] = {
            "cost": str(whole["cost"]),
            "n": int(whole["n"]),
            "n_left_out": int(whole["n_left_out"]),
            "n_undefined": len(gaps),
            **leaves,
        }
    return tree


def surrogate_leaves(table: pd.DataFrame) -> Tree:
    """Return what metrics hold of one surrogate and target.

    Args:
        table: `VALUES` of `predict_target` and, if known, of `disjoint_table`.

    Returns:
        `ESTIMATES`; pooled and within_structure -> r, low, high, p (within structures);
        wrong_subject -> pooled_r2, within_structure_r2 -> mean, p95; disjoint -> n_pairs and the
        same as the second. NaN where undefined.
    """
    rows = table.set_index("estimate")
    tree: Tree = {name: float(rows.loc[name, "value"]) for name in ESTIMATES}
    tree |= _relation_leaves(rows, "")
    if f"wrong_subject_mean_{next(iter(WRONG))}" in rows.index:
        tree["wrong_subject"] = {
            name: {end: float(rows.loc[f"wrong_subject_{end}_{name}", "value"])
                   for end in ("mean", "p95")}
            for name in WRONG
        }  # fmt: skip
    disjoint = _relation_leaves(rows, "disjoint_")
    if disjoint:
        n_pairs = int(rows.loc[f"disjoint_{WITHIN}_r", "n"])
        tree["disjoint"] = {"n_pairs": n_pairs} | disjoint
    return tree


def _relation_leaves(rows: pd.DataFrame, prefix: str) -> Tree:
    columns = {"r": "value", "low": "low", "high": "high"}
    tree: Tree = {}
    for scope in SCOPES:
        if f"{prefix}{scope}_r" in rows.index:
            row = rows.loc[f"{prefix}{scope}_r"]
            tree[scope] = {key: float(row[name]) for key, name in columns.items()}
            if scope == WITHIN:
                tree[scope]["p"] = float(row["p"])
    return tree
