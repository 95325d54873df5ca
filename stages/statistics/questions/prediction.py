"""Does a voxelwise measure predict the variability of a volume: the answers of each network."""

import numpy as np
import pandas as pd

from stages.measures.voxelwise import SUMMARIES
from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.correlation import correlation_table
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.regression import (
    adjusted_r2,
    group_means_r2,
    in_sample_r2,
    leave_group_out_r2,
    random_predictor_r2,
    within_group_r2,
)
from stages.statistics.methods.reliability import noise_ceiling

TARGET = "cv"
HEADLINE_STATISTIC = "mean"
PAIR = ["structure", "subject"]
CORRELATIONS = ["group", "scope", "statistic", "n", "pearson", "spearman"]
REGRESSIONS = ["group", "predictors", "estimate", "r2"]


def ask(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Return how well voxelwise measures predict the CV of volumes."""
    tree: dict[str, Tree] = {}
    correlations: list[pd.DataFrame] = []
    regressions: list[tuple[str, str, str, float]] = []
    undefined: list[str] = []
    for group in cohort.ensembles.architectures:
        n_members = len(cohort.ensembles.members(group))
        tables = (of(table, group) for table in (cohort.cv, cohort.regions, cohort.histograms))
        table, n_excluded = prediction_table(*tables)
        found, coefficients = predict(table, n_members, cohort.subject_of)
        answers, gaps = without_gaps(found)
        undefined += [f"{group}.{gap}" for gap in gaps]
        counts = {"members": n_members, "pairs": len(table), "excluded": n_excluded}
        tree[group] = answers | {"n": counts | {"undefined": len(gaps)}}
        correlations.append(coefficients.assign(group=group))
        regressions += regression_rows(group, answers)
    written = {
        "correlations": pd.concat(correlations, ignore_index=True)[CORRELATIONS],
        "regression": pd.DataFrame(regressions, columns=REGRESSIONS),
    }
    return Answer(tree, written, tuple(undefined))


def regression_rows(group: str, answers: Tree) -> list[tuple[str, str, str, float]]:
    """Return the rows of `REGRESSIONS` of one network: R^2, controls and noise ceiling, if any.

    Args:
        group: name.
        answers: from `predict` or `regressions`, without undefined leaves.
    """
    rows = []
    for name in ("histogram", "summary"):
        in_sample = answers["r2"].get(name, np.nan)
        found = {"in_sample": in_sample} | answers["controls"][name]
        rows += [(group, name, estimate, value) for estimate, value in found.items()]
    means = answers["controls"].get("structure_only", np.nan)
    rows.append((group, "structure_only", "in_sample", means))
    rows += [
        (group, "noise_ceiling", scope, value)
        for scope, value in answers.get("noise_ceiling", {}).items()
    ]
    return rows


def prediction_table(
    targets: pd.DataFrame, regions: pd.DataFrame, histograms: pd.DataFrame, target: str = TARGET
) -> tuple[pd.DataFrame, int]:
    """Join target and predictors of one architecture; pairs without either are left out.

    Args:
        targets: columns structure, subject and `target`; the pairs of the study.
        regions: columns structure, subject and `SUMMARIES`.
        histograms: columns structure, subject, edges, bin, fraction.
        target: column name.

    Returns:
        Columns structure, subject, `target`, `SUMMARIES`, own_0..., global_0... without NaN, and
        the number of pairs left out.
    """
    names = histograms["edges"] + "_" + histograms["bin"].astype(str)
    bins = histograms.assign(name=names).pivot(index=PAIR, columns="name", values="fraction")
    joined = targets[[*PAIR, target]].merge(regions[[*PAIR, *SUMMARIES]], on=PAIR, how="left")
    joined = joined.merge(bins.reset_index(), on=PAIR, how="left")
    complete = joined.replace([np.inf, -np.inf], np.nan).dropna().reset_index(drop=True)
    return complete, len(joined) - len(complete)


def histogram_columns(table: pd.DataFrame, edges: str) -> list[str]:
    """Return the columns of one histogram less its last bin, redundant as fractions sum to 1."""
    names = [name for name in table.columns if name.startswith(f"{edges}_")]
    return sorted(names, key=lambda name: int(name.rsplit("_", 1)[1]))[:-1]


def regression_report(
    table: pd.DataFrame, columns: list[str], clusters: np.ndarray, target: str = TARGET
) -> dict[str, float]:
    """Return R^2 of one set of predictors and the controls without which it cannot be read.

    Args:
        table: from `prediction_table`.
        columns: the predictors.
        clusters: (n,) labels of the subjects.
        target: column name.

    Returns:
        in_sample (the paper's), random_predictor (its expectation for random predictors), adjusted,
        leave_one_subject_out, leave_one_structure_out, within_structure and its
        random_predictor_within, and log_target (in sample, ln target); NaN where undefined.
    """
    x, y = table[columns].to_numpy(np.float64), table[target].to_numpy(np.float64)
    structure = table["structure"].to_numpy()
    positive = y > 0
    return {
        "in_sample": in_sample_r2(x, y),
        "random_predictor": random_predictor_r2(x),
        "adjusted": adjusted_r2(x, y),
        "leave_one_subject_out": leave_group_out_r2(x, y, clusters),
        "leave_one_structure_out": leave_group_out_r2(x, y, structure),
        "within_structure": within_group_r2(x, y, structure),
        "random_predictor_within": random_predictor_r2(x, n_means=len(np.unique(structure))),
        "log_target": in_sample_r2(x[positive], np.log(y[positive])),
    }


def noise_ceilings(table: pd.DataFrame, n_members: int) -> dict[str, float]:
    """Return the reliability of ln CV, pooled and within structures; CV = 0 is left out.

    Args:
        table: from `prediction_table`.
        n_members: size of the ensemble.
    """
    positive = table[table[TARGET] > 0]
    log_cv = np.log(positive[TARGET].to_numpy(np.float64))
    return {
        "pooled": noise_ceiling(log_cv, n_members),
        "within_structure": noise_ceiling(log_cv, n_members, positive["structure"].to_numpy()),
    }


def headline_correlations(correlations: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the coefficients of the mean voxelwise SD, in the three scopes over structures.

    Args:
        correlations: from `correlation_table`.
    """
    scopes = ("per_structure_mean", "pooled", "within_structure")
    chosen = correlations[correlations["statistic"] == HEADLINE_STATISTIC].set_index("scope")
    return {
        kind: {scope: float(chosen.loc[scope, kind]) for scope in scopes}
        for kind in ("pearson", "spearman")
    }


def predict(
    table: pd.DataFrame, n_members: int, subject_of: dict[str, str]
) -> tuple[Tree, pd.DataFrame]:
    """Return all numbers of one architecture: the R^2 pair, controls, ceiling, correlations.

    `correlation.largest_mean` is the largest |r| of all summaries, as means over structures.

    Args:
        table: from `prediction_table`.
        n_members: size of the ensemble.
        subject_of: scan -> subject.

    Returns:
        The tree of the metrics file (NaN where undefined), and the table of all correlations.
    """
    tree, correlations = regressions(table, subject_of)
    scope = correlations[correlations["scope"] == "per_structure_mean"]
    tree["correlation"]["largest_mean"] = {
        kind: float(scope[kind].abs().max()) for kind in ("pearson", "spearman")
    }
    return tree | {"noise_ceiling": noise_ceilings(table, n_members)}, correlations


def regressions(
    table: pd.DataFrame, subject_of: dict[str, str], target: str = TARGET
) -> tuple[Tree, pd.DataFrame]:
    """Return the R^2 pair of a target with its controls, and correlations.

    Args:
        table: from `prediction_table`.
        subject_of: scan -> subject.
        target: column name.

    Returns:
        Tree of r2, controls and correlation (NaN where undefined), and the table of all
        correlations.
    """
    clusters = table["subject"].map(subject_of).to_numpy()
    sets = {
        "histogram": histogram_columns(table, "own"),
        "summary": list(SUMMARIES),
        "global": histogram_columns(table, "global"),
    }
    reports = {
        name: regression_report(table, columns, clusters, target) for name, columns in sets.items()
    }
    correlations = correlation_table(table, list(SUMMARIES), target)
    controls: Tree = {name: reports[name] for name in ("histogram", "summary")}
    controls["histogram"]["global_edges"] = reports["global"]["in_sample"]
    controls["structure_only"] = group_means_r2(
        table[target].to_numpy(np.float64), table["structure"].to_numpy()
    )
    tree: Tree = {
        "r2": {name: controls[name].pop("in_sample") for name in ("histogram", "summary")},
        "controls": controls,
        "correlation": headline_correlations(correlations),
    }
    return tree, correlations
