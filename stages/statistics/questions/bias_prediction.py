"""Does uncertainty predict how far a volume is off: every surrogate against the size of the bias.

The target is |bias| of the members' mean, against the fully sampled scan and, where it is known,
against the true volume; controls, intervals and permutations are those of the CV. Members that
disagree have an uncertain mean: without any common error |bias| is proportional to CV / sqrt(M).
So predictors of one half of the members also meet the bias of the other half.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from stages.measures.voxelwise import SUMMARIES
from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.bias import ABSOLUTE, absolute_bias_table
from stages.statistics.methods.disjoint_halves import disjoint_r2
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.permutation import benjamini_hochberg
from stages.statistics.questions.inference import SCOPES, infer
from stages.statistics.questions.prediction import (
    REGRESSIONS,
    prediction_table,
    regression_rows,
    regressions,
)
from stages.statistics.questions.surrogates import predict_target, volume_surrogates

WITHIN = "within_structure"
PAIR = ["structure", "subject"]
KEYS = ["group", "target", "surrogate"]
LIMITS = {"r": "value", "low": "low", "high": "high"}  # keys of metrics: columns
TESTS = {name: name for name in ("p", "p_bh", "critical")}
COLUMNS = [*KEYS, "kind", "estimate", "scope", "n", "value", "low", "high", "p", "p_bh", "critical"]


def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return how well each surrogate predicts |bias|, and the regressions of |bias|."""
    against = {"reference": cohort.reference}
    if cohort.truth is not None:
        against["truth"] = cohort.truth
    volumes = cohort.networks(cohort.volumes)
    surrogates = volume_surrogates(cohort)
    tree: Tree = {group: {} for group in cohort.groups}
    tables, regressed = [], []
    for name, reference in against.items():
        targets = absolute_bias_table(volumes, reference)
        for group in cohort.groups:
            found = regress(cohort, of(targets, group), reference, group)
            tree[group][name] = found
            regressed += [(group, name, *row[1:]) for row in regression_rows(group, found)]
        table = associations(surrogates, targets, cohort.subject_of, params, rng)
        tables.append(table.assign(target=name))
    whole = pd.concat(tables, ignore_index=True)[COLUMNS]
    for (group, name, surrogate), part in whole.groupby(KEYS, sort=False):
        tree[group][name].setdefault("surrogates", {})[surrogate] = leaves(part)
    columns = ["group", "target", *REGRESSIONS[1:]]
    written = {
        "bias_prediction": whole,
        "bias_regression": pd.DataFrame(regressed, columns=columns),
    }
    return Answer({group: _counted(found) for group, found in tree.items()}, written)


def _counted(tree: Tree) -> Tree:
    kept, gaps = without_gaps(tree)
    return kept | {"undefined": len(gaps)}


def regress(cohort: Cohort, targets: pd.DataFrame, reference: pd.DataFrame, group: str) -> Tree:
    """Return the regressions of the voxelwise SD on |bias| of one network.

    Args:
        cohort: the study.
        targets: columns structure, subject, absolute_bias of this group.
        reference: columns subject, structure, volume_mm3: what the bias is against.
        group: name.

    Returns:
        median (percent, over structure-scan pairs); n.pairs, n.excluded; r2, controls and
        correlation as in `prediction`, split_half_prediction as in `inference` (of ln |bias|); NaN
        where undefined.
    """
    own = of(cohort.regions, group), of(cohort.histograms, group)
    table, n_excluded = prediction_table(targets, *own, target=ABSOLUTE)
    found, _ = regressions(table, cohort.subject_of, ABSOLUTE)
    halves = disjoint_r2(
        of(cohort.volumes, group),
        of(cohort.halves, group),
        list(SUMMARIES),
        partial(log_bias, reference=reference),
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
    surrogates: pd.DataFrame,
    targets: pd.DataFrame,
    subject_of: Mapping[str, str],
    params: AnalyseParams,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return how each surrogate goes with one target: R^2 of logarithms, and correlations.

    Args:
        surrogates: columns group, subject, structure, surrogate, kind, value.
        targets: columns group, structure, subject, absolute_bias.
        subject_of: scan -> subject.
        params: draws, permutations and level.
        rng: source of draws and permutations.

    Returns:
        `COLUMNS` without target. R^2 (`surrogates.ESTIMATES`) has no scope; pearson and spearman
        have those of `inference`. p_bh: p of the Spearman coefficients within structures, adjusted
        for the false discovery rate over all groups and surrogates.
    """
    sizes = (params.bootstrap_draws, params.level, rng)
    _, table = predict_target(surrogates, targets, subject_of, *sizes, target=ABSOLUTE)
    parts = [table.assign(scope="")]
    for (group, kind, name), values in surrogates.groupby(
        ["group", "kind", "surrogate"], sort=False
    ):
        known = of(targets, group)[[*PAIR, ABSOLUTE]].merge(values[[*PAIR, "value"]], on=PAIR)
        known = known.replace([np.inf, -np.inf], np.nan).dropna()
        draws = (params.bootstrap_draws, params.permutations, params.level, rng)
        _, rows = infer(known, ["value"], ABSOLUTE, dict(subject_of), *draws)
        rows = rows[rows["scope"].isin(SCOPES)]
        parts.append(rows.assign(group=group, surrogate=name, kind=kind))
    whole = pd.concat(parts, ignore_index=True)
    tested = (whole["estimate"] == "spearman") & (whole["scope"] == WITHIN)
    whole["p_bh"] = np.nan
    whole.loc[tested, "p_bh"] = benjamini_hochberg(whole.loc[tested, "p"].to_numpy(np.float64))
    return whole[[name for name in COLUMNS if name != "target"]]


def leaves(table: pd.DataFrame) -> Tree:
    """Return what metrics hold of one surrogate.

    Args:
        table: `COLUMNS` of one group, target and surrogate.

    Returns:
        n; R^2 with `_low` and `_high` where there is an interval; spearman -> pooled {r, low, high}
        and within_structure {r, low, high, p, p_bh, critical}.
    """
    r2 = table[table["scope"] == ""]
    tree: Tree = {"n": int(r2["n"].iloc[0])}
    for row in r2.itertuples():
        ends = {f"{row.estimate}_low": float(row.low), f"{row.estimate}_high": float(row.high)}
        tree |= {row.estimate: float(row.value)} | (ends if np.isfinite(row.low) else {})
    rows = table[table["estimate"] == "spearman"].set_index("scope")
    columns = {"pooled": LIMITS, WITHIN: LIMITS | TESTS}
    tree["spearman"] = {
        scope: {key: float(rows.loc[scope, name]) for key, name in names.items()}
        for scope, names in columns.items()
    }
    return tree
