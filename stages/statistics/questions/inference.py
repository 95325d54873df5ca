"""How sure are the correlations of each network: intervals, significance, noise ceilings."""

import numpy as np
import pandas as pd

from stages.measures.voxelwise import SUMMARIES
from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.bootstrap import Interval
from stages.statistics.methods.correlation import LEAST_SUBJECTS, correlation_table
from stages.statistics.methods.disjoint_halves import Cohorts, disjoint_r2
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.permutation import (
    Permutations,
    benjamini_hochberg,
    critical_value,
    joint_permutations,
    max_t_p,
    p_value,
    permuted_correlations,
)
from stages.statistics.methods.relation import correlation_intervals
from stages.statistics.methods.split_half import reliability
from stages.statistics.needs import SEVERAL, VOXELWISE, needs
from stages.statistics.questions.prediction import (
    HEADLINE_STATISTIC,
    TARGET,
    orders,
    prediction_table,
)

KINDS = ("pearson", "spearman")
MEAN = "per_structure_mean"
SCOPES = (MEAN, "pooled", "within_structure", "two_way")
ENDS = ["low", "high"]
COLUMNS = ["scope", "statistic", "estimate", "n", "value", *ENDS]
P_COLUMNS = ["p", "critical", "p_max_t", "p_bh"]


@needs(SEVERAL, VOXELWISE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return intervals and significance of correlations, noise ceilings, and disjoint halves."""
    tree, tables = {}, []
    whole = Cohorts(cohort.subject_of, orders(cohort, params, rng), params.level)
    for group in cohort.groups:
        table, _ = prediction_table(
            of(cohort.cv, group), of(cohort.regions, group), of(cohort.histograms, group)
        )
        sizes = (params.permutations, params.level)
        found, rows = infer(table, list(SUMMARIES), TARGET, cohort.subject_of, *sizes, rng)
        own = of(cohort.volumes, group)
        noise_ceilings, limits = reliability(
            own, cohort.subject_of, params.subsets, params.level, rng
        )
        halves = disjoint_r2(own, of(cohort.halves, group), list(SUMMARIES), whole)
        leaves, gaps = without_gaps(
            found | {"noise_ceiling": noise_ceilings, "split_half_prediction": halves}
        )
        tree[group] = leaves | {"undefined": len(gaps)}
        limits = limits.assign(statistic="noise_ceiling")
        parts = [rows[rows["statistic"] == HEADLINE_STATISTIC], limits, half_rows(halves)]
        tables += [part.assign(group=group) for part in parts]
    return Answer(tree, {"inference": pd.concat(tables, ignore_index=True)})


def half_rows(halves: Tree) -> pd.DataFrame:
    """Return what disjoint halves of the members predict, as rows of the table.

    Args:
        halves: from `disjoint_r2`.
    """
    found = halves["disjoint"]
    rows: list[tuple[object, ...]] = []
    for scope, r2 in (("pooled", "pooled_r2"), ("within_structure", "within_r2")):
        own, leaf = found[scope], found[r2]
        ends = (own["r"], own["low"], own["high"], own.get("p", np.nan))
        nothing = (np.nan, np.nan)
        rows.append((scope, HEADLINE_STATISTIC, "disjoint", halves["n_pairs"], *ends))
        explained = (leaf["value"], *nothing, leaf["p"])
        rows.append((scope, "summary", "disjoint_r2", halves["n_pairs"], *explained))
        for end in ("mean", "p95"):
            wrong = (
                f"disjoint_wrong_subject_{end}",
                halves["n_pairs"],
                leaf[end],
                *nothing,
                np.nan,
            )
            rows.append((scope, "summary", *wrong))
    return pd.DataFrame(rows, columns=[*COLUMNS, "p"])


def infer(
    table: pd.DataFrame,
    predictors: list[str],
    target: str,
    subject_of: dict[str, str],
    n_permutations: int,
    level: float,
    rng: np.random.Generator,
) -> tuple[Tree, pd.DataFrame]:
    """Return interval and p of every correlation.

    All p come from the same permutations.

    Args:
        table: from `prediction_table`, without NaN.
        predictors: columns of `table`; the first is the headline and fills the tree.
        target: column of `table`.
        subject_of: scan -> subject.
        n_permutations: random permutations; all where they are no more.
        level: coverage of the intervals; 1 - level is the level of the tests.
        rng: source of the permutations.

    Returns:
        Tree: pearson and spearman -> per_structure_mean, pooled, within_structure, two_way ->
        {r, low, high, p, critical} (the last two not for pooled: see `permuted_correlations`; the
        size of r above which p would be below 1 - level), significant_max_t and significant_bh,
        the structures with p below 1 - level, and, of several predictors, largest -> scope ->
        {r, p}: the largest |r| of all of them, and p of the largest of so many (max-T);
        exchanged, the unit of permutation; smallest_p, that there can be: adjusted or not, no p
        below it can be found. NaN where undefined.
        Table: scope, statistic, estimate (pearson, spearman), n, value, low, high (not of single
        structures), p, critical, and for structures p_max_t and p_bh instead.
    """
    structures = list(dict.fromkeys(table["structure"]))
    subjects = list(dict.fromkeys(table["subject"]))
    clusters = np.array([subject_of[name] for name in subjects])
    permutations = joint_permutations(clusters, n_permutations, rng)
    points = correlation_table(table, predictors, target, len(np.unique(clusters)))
    y = pair_matrix(table, target, structures, subjects)
    parts, nulls = [], {}
    for name in predictors:
        x = pair_matrix(table, name, structures, subjects)
        own = points[points["statistic"] == name].set_index("scope")
        for kind in KINDS:
            limits = correlation_intervals(x, y, clusters, kind, level)
            low_high = pd.DataFrame.from_dict(limits, orient="index", columns=Interval._fields)
            significance, nulls[kind, name] = _significance(
                (x, y), permutations, kind, structures, 1.0 - level
            )
            if len(np.unique(clusters)) < LEAST_SUBJECTS:
                significance.loc[MEAN] = np.nan
            part = own[["n"]].assign(statistic=name, estimate=kind, value=own[kind])
            parts.append(part.join(low_high[ENDS]).join(significance).reset_index())
    whole = pd.concat(parts, ignore_index=True)
    tree = _tree(whole, predictors[0], structures, 1.0 - level)
    if len(predictors) > 1:
        for kind in KINDS:
            tree[kind]["largest"] = _largest(
                whole[whole["estimate"] == kind], [nulls[kind, name] for name in predictors]
            )
    unit = {"exchanged": permutations.unit, "smallest_p": permutations.smallest_p}
    return tree | unit, whole[[*COLUMNS, *P_COLUMNS]]


def _significance(
    pair: tuple[np.ndarray, np.ndarray],
    permutations: Permutations,
    kind: str,
    structures: list[str],
    alpha: float,
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Return p and critical values by scope, and the permuted correlations over structures."""
    order = permutations.order
    as_it_is = np.arange(order.shape[1])[None]
    values = permuted_correlations(*pair, np.concatenate([as_it_is, order]), kind)
    single = values.pop("structures")
    p = np.array([p_value(v[0], v[1:]) for v in single.T])
    adjusted = {"p": p, "p_max_t": max_t_p(single[0], single[1:]), "p_bh": benjamini_hochberg(p)}
    over = {scope: p_value(v[0], v[1:]) for scope, v in values.items()}
    least = {scope: critical_value(v[1:], alpha) for scope, v in values.items()}
    pooled = pd.DataFrame({"p": over, "critical": least})
    return pd.concat([pd.DataFrame(adjusted, index=structures), pooled]), values


def _largest(table: pd.DataFrame, nulls: list[dict[str, np.ndarray]]) -> Tree:
    """Return the largest |r| of several predictors by scope, and its p among as many permuted.

    Args:
        table: scope, value; of one kind of coefficient.
        nulls: of each predictor scope -> (1 + n_permutations,).
    """
    found: Tree = {}
    for scope in (MEAN, "within_structure"):
        sizes = np.abs(table.loc[table["scope"] == scope, "value"].to_numpy(np.float64))
        null = np.abs([each[scope] for each in nulls])
        known = np.isfinite(sizes)
        leaf = {"r": float("nan"), "p": float("nan")}
        if known.any():
            largest = np.where(np.isfinite(null), null, -np.inf)[known].max(axis=0)
            r = float(sizes[known].max())
            leaf = {"r": r, "p": p_value(float(largest[0]), largest[1:])}
        found[scope] = leaf
    return found


def _tree(table: pd.DataFrame, headline: str, structures: list[str], alpha: float) -> Tree:
    tree: Tree = {}
    for kind in KINDS:
        chosen = table[(table["statistic"] == headline) & (table["estimate"] == kind)]
        rows = chosen.set_index("scope")
        tree[kind] = {scope: _correlation_leaf(rows.loc[scope], scope) for scope in SCOPES}
        for name, column in (("significant_max_t", "p_max_t"), ("significant_bh", "p_bh")):
            tree[kind][name] = int((rows.loc[structures, column] <= alpha).sum())
    return tree


def _correlation_leaf(row: pd.Series, scope: str) -> dict[str, float]:
    leaf = {"r": float(row["value"]), "low": float(row["low"]), "high": float(row["high"])}
    return leaf if scope == "pooled" else leaf | {key: float(row[key]) for key in ("p", "critical")}
