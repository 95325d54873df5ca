"""Does uncertainty predict how far a volume is off: every surrogate against the size of the bias.

The target is |bias| of the members' mean, against the fully sampled scan and, where it is known,
against the true volume; controls, intervals and permutations are those of the CV. Members that
disagree have an uncertain mean: without any common error |bias| is proportional to CV / sqrt(M).
So the prediction that is tested is that of one half of the members for the bias of the other half.
"""

from functools import partial

import numpy as np
import pandas as pd

from stages.measures.voxelwise import SUMMARIES
from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.bias import ABSOLUTE, absolute_bias_table
from stages.statistics.methods.disjoint_halves import Cohorts, Measure, disjoint_r2
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.needs import REFERENCE, SEVERAL, VOXELWISE, needs
from stages.statistics.questions.inference import SCOPES, infer
from stages.statistics.questions.prediction import (
    REGRESSIONS,
    orders,
    prediction_table,
    regression_rows,
    regressions,
    with_size,
)
from stages.statistics.questions.surrogates import (
    ESTIMATES,
    Targets,
    disjoint_table,
    predict_target,
    volume_surrogates,
    with_volume,
)

POOLED, WITHIN = "pooled", "within_structure"
DISJOINT = "disjoint"  # estimate: r of logarithms, of the other half of the members
SAME = "logarithms"  # estimate: the same of the same members
PAIR = ["structure", "subject"]
KEYS = ["group", "target", "surrogate"]
LIMITS = {"r": "value", "low": "low", "high": "high"}  # keys of metrics: columns
P = {"p": "p"}
COLUMNS = [*KEYS, "kind", "estimate", "scope", "n", "value", "low", "high", "p", "critical"]


@needs(SEVERAL, VOXELWISE, REFERENCE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return how well each surrogate predicts |bias|, and the regressions of |bias|."""
    against = {"reference": cohort.reference}
    if cohort.truth is not None:
        against["truth"] = cohort.truth
    whole = Cohorts(cohort.subject_of, orders(cohort, params, rng), params.level)
    volumes = cohort.networks(cohort.volumes)
    tree: Tree = {group: {} for group in cohort.groups}
    tables, regressed = [], []
    for name, reference in against.items():
        targets = absolute_bias_table(volumes, reference)
        measure = partial(log_bias, reference=reference)
        for group in cohort.groups:
            found = regress(cohort, of(targets, group), measure, group, whole)
            tree[group][name] = found
            regressed += [(group, name, *row[1:]) for row in regression_rows(group, found)]
        table = associations(cohort, targets, measure, whole, (params.permutations, rng))
        tables.append(table.assign(target=name))
    table = pd.concat(tables, ignore_index=True)[COLUMNS]
    for (group, name, surrogate), part in table.groupby(KEYS, sort=False):
        tree[group][name].setdefault("surrogates", {})[surrogate] = leaves(part)
    columns = ["group", "target", *REGRESSIONS[1:]]
    written = {
        "bias_prediction": table,
        "bias_regression": pd.DataFrame(regressed, columns=columns),
    }
    return Answer({group: _counted(found) for group, found in tree.items()}, written)


def _counted(tree: Tree) -> Tree:
    kept, gaps = without_gaps(tree)
    return kept | {"undefined": len(gaps)}


def regress(
    cohort: Cohort, targets: pd.DataFrame, measure: Measure, group: str, whole: Cohorts
) -> Tree:
    """Return the regressions of the voxelwise SD on |bias| of one network.

    Args:
        cohort: the study.
        targets: columns structure, subject, absolute_bias of this group.
        measure: ln |bias| of the volumes of some members.
        group: name.
        whole: the same study, its permutations and level.

    Returns:
        median (percent, over structure-scan pairs); n.pairs, n.excluded; r2, controls and
        correlation as in `prediction`, split_half_prediction as in `inference` (of ln |bias|); NaN
        where undefined.
    """
    own = of(cohort.regions, group), of(cohort.histograms, group)
    table, n_excluded = prediction_table(targets, *own, target=ABSOLUTE)
    table = with_size(table, of(cohort.cv, group))
    found, _ = regressions(table, cohort.subject_of, whole.order, ABSOLUTE)
    columns = list(SUMMARIES)
    halves = disjoint_r2(
        of(cohort.volumes, group), of(cohort.halves, group), columns, whole, measure
    )
    return {
        "median": float(targets[ABSOLUTE].median()),
        "n": {"pairs": len(table), "excluded": n_excluded},
        **found,
        "split_half_prediction": halves,
    }


def log_bias(volumes: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Return ln |bias| of some members of one ensemble, a `Measure` of `disjoint_halves`.

    Args:
        volumes: columns group, member, subject, structure, volume_mm3.
        reference: columns subject, structure, volume_mm3.

    Returns:
        Columns structure, subject, target (NaN without a bias).
    """
    table = absolute_bias_table(volumes, reference)
    size = table[ABSOLUTE].to_numpy(np.float64)
    known = np.isfinite(size) & (size > 0)
    logarithm = np.where(known, np.log(np.where(known, size, 1.0)), np.nan)
    return table[PAIR].assign(target=logarithm)


def associations(
    cohort: Cohort,
    targets: pd.DataFrame,
    measure: Measure,
    whole: Cohorts,
    permutations: tuple[int, np.random.Generator],
) -> pd.DataFrame:
    """Return how each surrogate goes with one target: R^2 of logarithms, and correlations.

    Args:
        cohort: the study.
        targets: columns group, structure, subject, absolute_bias.
        measure: ln |bias| of the volumes of some members.
        whole: the same study, its permutations and level.
        permutations: number and source of those of the correlations.

    Returns:
        `COLUMNS` without target. R^2 (`surrogates.ESTIMATES`) has no scope; pearson and spearman
        have those of `inference`, `DISJOINT` and `SAME` pooled and within_structure.
    """
    cv = cohort.networks(cohort.cv)
    surrogates = with_volume(volume_surrogates(cohort), cv)
    table = predict_target(surrogates, Targets(targets, cv, ABSOLUTE), whole, tested=False)
    parts = [table[table["estimate"].isin(ESTIMATES)].assign(scope="")]
    parts.append(_scoped(table, "", SAME))
    for group in cohort.groups:
        halves = disjoint_table(cohort, group, whole, measure)
        parts.append(_scoped(halves, f"{DISJOINT}_", DISJOINT))
    keys = ["group", "kind", "surrogate"]
    for (group, kind, name), values in surrogates.groupby(keys, sort=False):
        known = of(targets, group)[[*PAIR, ABSOLUTE]].merge(values[[*PAIR, "value"]], on=PAIR)
        known = known.replace([np.inf, -np.inf], np.nan).dropna()
        n_permutations, rng = permutations
        sizes = (n_permutations, whole.level, rng)
        _, rows = infer(known, ["value"], ABSOLUTE, dict(cohort.subject_of), *sizes)
        rows = rows[rows["scope"].isin(SCOPES)]
        parts.append(rows.assign(group=group, surrogate=name, kind=kind))
    found = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return found[[name for name in COLUMNS if name != "target"]]


def _scoped(table: pd.DataFrame, prefix: str, estimate: str) -> pd.DataFrame:
    """Return the correlations of a table of `surrogates`, with their scope."""
    scopes = {f"{prefix}{scope}_r": scope for scope in (POOLED, WITHIN)}
    rows = table[table["estimate"].isin(scopes)]
    return rows.assign(scope=rows["estimate"].map(scopes), estimate=estimate)


def leaves(table: pd.DataFrame) -> Tree:
    """Return what metrics hold of one surrogate.

    Args:
        table: `COLUMNS` of one group, target and surrogate.

    Returns:
        n; R^2 of logarithms, in sample; spearman -> pooled {r, low, high} and within_structure {r,
        low, high, p, critical}; disjoint -> the same but critical, where halves are known.
    """
    r2 = table[table["scope"] == ""]
    tree: Tree = {"n": int(r2["n"].iloc[0])}
    tree |= {row.estimate: float(row.value) for row in r2.itertuples()}
    columns = {POOLED: LIMITS, WITHIN: LIMITS | P | {"critical": "critical"}}
    tree["spearman"] = _by_scope(table[table["estimate"] == "spearman"], columns)
    halves = table[table["estimate"] == DISJOINT]
    if len(halves):
        tree[DISJOINT] = _by_scope(halves, {POOLED: LIMITS, WITHIN: LIMITS | P})
    return tree


def _by_scope(table: pd.DataFrame, columns: dict[str, dict[str, str]]) -> Tree:
    rows = table.set_index("scope")
    return {
        scope: {key: float(rows.loc[scope, name]) for key, name in names.items()}
        for scope, names in columns.items()
    }
