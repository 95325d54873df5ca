"""How sure are the correlations and R^2 of each network: intervals and significance."""

import numpy as np
import pandas as pd

from stages.measures.voxelwise import SUMMARIES
from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.bootstrap import Interval, cluster_draws, interval
from stages.statistics.methods.correlation import correlation_table
from stages.statistics.methods.disjoint_halves import disjoint_r2
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
from stages.statistics.methods.regression import in_sample_r2
from stages.statistics.methods.resampled_correlation import Scopes, correlation_draws
from stages.statistics.methods.resampled_r2 import r2_draws
from stages.statistics.methods.split_half import reliability
from stages.statistics.questions.prediction import (
    HEADLINE_STATISTIC,
    TARGET,
    histogram_columns,
    prediction_table,
)

KINDS = ("pearson", "spearman")
SCOPES = ("per_structure_mean", "pooled", "within_structure", "two_way")
COLUMNS = ["scope", "statistic", "estimate", "n", "value", "low", "high", "n_defined"]
P_COLUMNS = ["p", "critical", "p_max_t", "p_bh"]


def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return intervals, significance and noise ceilings of correlations and R^2, and split-half."""
    tree, tables = {}, []
    for group in cohort.groups:
        table, _ = prediction_table(
            of(cohort.cv, group), of(cohort.regions, group), of(cohort.histograms, group)
        )
        sizes = (params.bootstrap_draws, params.permutations, params.level)
        found, rows = infer(table, [HEADLINE_STATISTIC], TARGET, cohort.subject_of, *sizes, rng)
        own = of(cohort.volumes, group)
        noise_ceilings, limits = reliability(
            own, cohort.subject_of, params.subsets, params.bootstrap_draws, params.level, rng
        )
        halves = disjoint_r2(own, of(cohort.halves, group), list(SUMMARIES))
        leaves, gaps = without_gaps(
            found | {"noise_ceiling": noise_ceilings, "split_half_prediction": halves}
        )
        tree[group] = leaves | {"undefined": len(gaps)}
        limits = limits.assign(statistic="noise_ceiling")
        tables += [rows.assign(group=group), limits.assign(group=group)]
    return Answer(tree, {"inference": pd.concat(tables, ignore_index=True)})


def infer(
    table: pd.DataFrame,
    predictors: list[str],
    target: str,
    subject_of: dict[str, str],
    n_draws: int,
    n_permutations: int,
    level: float,
    rng: np.random.Generator,
) -> tuple[Tree, pd.DataFrame]:
    """Return interval and p of every correlation, and the interval of both R^2.

    All intervals come from the same draws of subjects, all p from the same permutations.

    Args:
        table: from `prediction_table`, without NaN.
        predictors: columns of `table`; the first is the headline and fills the tree.
        target: column of `table`.
        subject_of: scan -> subject.
        n_draws: bootstrap draws.
        n_permutations: random permutations.
        level: coverage of the intervals; 1 - level is the level of the tests.
        rng: source of draws and permutations.

    Returns:
        Tree: pearson and spearman -> per_structure_mean, pooled, within_structure, two_way ->
        {r, low, high, p, critical} (the last two not for pooled: see `permuted_correlations`; the
        size of r above which p would be below 1 - level) and significant_max_t,
        significant_bh, the structures with p below 1 - level; r2 -> histogram, summary, global
        (those whose columns exist) -> {value, low, high}; exchanged, the unit of permutation. NaN
        where undefined.
        Table: scope, statistic, estimate (pearson, spearman, in_sample_r2), n, value, low, high,
        n_defined (draws), p, critical, and for structures p_max_t and p_bh instead.
    """
    structures = list(dict.fromkeys(table["structure"]))
    subjects = list(dict.fromkeys(table["subject"]))
    clusters = np.array([subject_of[name] for name in subjects])
    n_clusters = len(np.unique(clusters))
    weights = cluster_draws(clusters, n_draws, rng)
    permutations = joint_permutations(clusters, n_permutations, rng)
    points = correlation_table(table, predictors, target)
    y = pair_matrix(table, target, structures, subjects)
    parts = []
    for name in predictors:
        x = pair_matrix(table, name, structures, subjects)
        own = points[points["statistic"] == name].set_index("scope")
        for kind in KINDS:
            draws = correlation_draws(x, y, weights, kind)
            low_high = _intervals(draws, structures, level, n_clusters)
            significance = _significance((x, y), permutations, kind, structures, 1.0 - level)
            part = own[["n"]].assign(statistic=name, estimate=kind, value=own[kind])
            parts.append(part.join(low_high).join(significance).reset_index())
    r2 = _regressions(table, target, weights[:, _positions(table, subjects)], level, n_clusters)
    whole = pd.concat([*parts, r2] if len(r2) else parts, ignore_index=True)
    tree = _tree(whole, predictors[0], structures, 1.0 - level)
    return tree | {"exchanged": permutations.unit}, whole[[*COLUMNS, *P_COLUMNS]]


def _positions(table: pd.DataFrame, subjects: list[str]) -> np.ndarray:
    return table["subject"].map({name: k for k, name in enumerate(subjects)}).to_numpy()


def _intervals(draws: Scopes, structures: list[str], level: float, n_clusters: int) -> pd.DataFrame:
    values = dict(zip(structures, draws["structures"].T, strict=True))
    values |= {scope: draws[scope] for scope in SCOPES}
    found = {name: interval(v, level, n_clusters) for name, v in values.items()}
    return pd.DataFrame.from_dict(found, orient="index", columns=list(Interval._fields))


def _significance(
    pair: tuple[np.ndarray, np.ndarray],
    permutations: Permutations,
    kind: str,
    structures: list[str],
    alpha: float,
) -> pd.DataFrame:
    order = permutations.order
    as_it_is = np.arange(order.shape[1])[None]
    values = permuted_correlations(*pair, np.concatenate([as_it_is, order]), kind)
    single = values.pop("structures")
    p = np.array([p_value(v[0], v[1:]) for v in single.T])
    adjusted = {"p": p, "p_max_t": max_t_p(single[0], single[1:]), "p_bh": benjamini_hochberg(p)}
    over = {scope: p_value(v[0], v[1:]) for scope, v in values.items()}
    least = {scope: critical_value(v[1:], alpha) for scope, v in values.items()}
    pooled = pd.DataFrame({"p": over, "critical": least})
    return pd.concat([pd.DataFrame(adjusted, index=structures), pooled])


def _regressions(
    table: pd.DataFrame, target: str, weights: np.ndarray, level: float, n_clusters: int
) -> pd.DataFrame:
    sets = {
        "histogram": histogram_columns(table, "own"),
        "global": histogram_columns(table, "global"),
    }
    sets["summary"] = [name for name in SUMMARIES if name in table]
    y = table[target].to_numpy(np.float64)
    rows = []
    for name, columns in sets.items():
        if columns:
            x = table[columns].to_numpy(np.float64)
            limits = interval(r2_draws(x, y, weights), level, n_clusters)
            rows.append(("pooled", name, "in_sample_r2", len(y), in_sample_r2(x, y), *limits))
    return pd.DataFrame(rows, columns=COLUMNS)


def _tree(table: pd.DataFrame, headline: str, structures: list[str], alpha: float) -> Tree:
    tree: Tree = {}
    for kind in KINDS:
        chosen = table[(table["statistic"] == headline) & (table["estimate"] == kind)]
        rows = chosen.set_index("scope")
        tree[kind] = {scope: _correlation_leaf(rows.loc[scope], scope) for scope in SCOPES}
        for name, column in (("significant_max_t", "p_max_t"), ("significant_bh", "p_bh")):
            tree[kind][name] = int((rows.loc[structures, column] <= alpha).sum())
    r2 = table[table["estimate"] == "in_sample_r2"].set_index("statistic")
    tree["r2"] = {
        name: {key: float(row[key]) for key in ("value", "low", "high")}
        for name, row in r2.iterrows()
    }
    return tree


def _correlation_leaf(row: pd.Series, scope: str) -> dict[str, float]:
    leaf = {"r": float(row["value"]), "low": float(row["low"]), "high": float(row["high"])}
    return leaf if scope == "pooled" else leaf | {key: float(row[key]) for key in ("p", "critical")}
