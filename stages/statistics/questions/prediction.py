"""Does a voxelwise measure predict the variability of a volume: the answers of each network.

R^2 in sample of nine predictors is the paper's. It is large without any relation: beside it stand
what the structure alone explains, the size of its volume, a predictor that is drawn for each
structure, and the predictors of another subject.
"""

import numpy as np
import pandas as pd

from stages.measures.voxelwise import SUMMARIES
from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.baselines import partial_r2, random_structure_r2, wrong_subject
from stages.statistics.methods.correlation import correlation_table
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.permutation import joint_permutations
from stages.statistics.methods.regression import (
    adjusted_r2,
    group_means_r2,
    in_sample_r2,
    leave_group_out_r2,
    within_group_r2,
)
from stages.statistics.needs import SEVERAL, VOXELWISE, needs

TARGET = "cv"
SIZE = "ln_volume"  # of the members' mean volume
HEADLINE_STATISTIC = "mean"
PAIR = ["structure", "subject"]
CORRELATIONS = ["group", "scope", "statistic", "n", "pearson", "spearman"]
REGRESSIONS = ["group", "predictors", "estimate", "r2"]


@needs(SEVERAL, VOXELWISE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return how well voxelwise measures predict the CV of volumes."""
    tree: dict[str, Tree] = {}
    correlations: list[pd.DataFrame] = []
    regressions_of: list[tuple[str, str, str, float]] = []
    undefined: list[str] = []
    order = orders(cohort, params, rng)
    for group in cohort.ensembles.ensembles:
        n_members = len(cohort.ensembles.members(group))
        tables = (of(table, group) for table in (cohort.cv, cohort.regions, cohort.histograms))
        table, n_excluded = prediction_table(*tables)
        table = with_size(table, of(cohort.cv, group))
        found, coefficients = predict(table, cohort.subject_of, order)
        answers, gaps = without_gaps(found)
        undefined += [f"{group}.{gap}" for gap in gaps]
        counts = {"members": n_members, "pairs": len(table), "excluded": n_excluded}
        tree[group] = answers | {"n": counts | {"undefined": len(gaps)}}
        correlations.append(coefficients.assign(group=group))
        regressions_of += regression_rows(group, answers)
    written = {
        "correlations": pd.concat(correlations, ignore_index=True)[CORRELATIONS],
        "regression": pd.DataFrame(regressions_of, columns=REGRESSIONS),
    }
    return Answer(tree, written, tuple(undefined))


def orders(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> np.ndarray:
    """Return permutations of the scans in the order of the study, (n_permutations, n_scans)."""
    clusters = np.array(list(cohort.subject_of.values()))
    return joint_permutations(clusters, params.permutations, rng).order


def regression_rows(group: str, answers: Tree) -> list[tuple[str, str, str, float]]:
    """Return the rows of `REGRESSIONS` of one network: R^2 and its controls.

    Args:
        group: name.
        answers: from `predict` or `regressions`, without undefined leaves.
    """
    rows = []
    controls = answers["controls"]
    for name in ("histogram", "summary"):
        found = {"in_sample": answers["r2"].get(name, np.nan)} | flat(controls[name])
        rows += [(group, name, estimate, value) for estimate, value in found.items()]
    rows.append((group, "structure_only", "in_sample", controls.get("structure_only", np.nan)))
    rows += [(group, "volume_only", name, r2) for name, r2 in controls["volume_only"].items()]
    return rows


def flat(controls: Tree) -> dict[str, float]:
    """Return controls by names of one level, `wrong_subject_mean`; p is no R^2 and is left out."""
    leaves: dict[str, float] = {}
    for name, value in controls.items():
        ends = value.items() if isinstance(value, dict) else [("", value)]
        leaves |= {f"{name}_{end}".rstrip("_"): r2 for end, r2 in ends if end != "p"}
    return leaves


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


def with_size(table: pd.DataFrame, cv: pd.DataFrame) -> pd.DataFrame:
    """Return the table with `SIZE`, ln of the members' mean volume in mm3.

    Args:
        table: columns structure, subject.
        cv: columns structure, subject, mean_mm3 of the same group.
    """
    joined = table.merge(cv[[*PAIR, "mean_mm3"]], on=PAIR, how="left")
    size = joined.pop("mean_mm3").to_numpy(np.float64)
    return joined.assign(**{SIZE: np.log(np.where(size > 0, size, np.nan))})


def regression_report(
    table: pd.DataFrame,
    columns: list[str],
    subject_of: dict[str, str],
    order: np.ndarray,
    target: str = TARGET,
) -> Tree:
    """Return R^2 of one set of predictors and the controls without which it cannot be read.

    Args:
        table: from `prediction_table`, with `SIZE`.
        columns: the predictors.
        subject_of: scan -> subject.
        order: of the scans in the order of `subject_of`.
        target: column name.

    Returns:
        in_sample (the paper's), adjusted, leave_one_subject_out, leave_one_structure_out,
        within_structure, log_target (in sample, ln target); beside_volume and
        beside_volume_within, of what ln volume leaves over; wrong_subject and
        wrong_subject_within -> mean, p95, p (`WrongSubject`), and random_structure -> mean, p95,
        in sample; NaN where undefined.
    """
    x, y = table[columns].to_numpy(np.float64), table[target].to_numpy(np.float64)
    structure = table["structure"].to_numpy()
    clusters = table["subject"].map(subject_of).to_numpy()
    size = table[SIZE].to_numpy(np.float64)
    positive, sized = y > 0, np.isfinite(size)
    beside = (x[sized], y[sized], size[sized])
    structures = list(dict.fromkeys(structure))
    scans = list(subject_of)
    cube = np.stack([pair_matrix(table, name, structures, scans) for name in columns], axis=-1)
    targets = pair_matrix(table, target, structures, scans)
    wrong = {
        name: wrong_subject(cube, targets, order, within=within)._asdict()
        for name, within in (("wrong_subject", False), ("wrong_subject_within", True))
    }
    means = group_means_r2(y, structure)
    return {
        "in_sample": in_sample_r2(x, y),
        "adjusted": adjusted_r2(x, y),
        "leave_one_subject_out": leave_group_out_r2(x, y, clusters),
        "leave_one_structure_out": leave_group_out_r2(x, y, structure),
        "within_structure": within_group_r2(x, y, structure),
        "log_target": in_sample_r2(x[positive], np.log(y[positive])),
        "beside_volume": partial_r2(*beside),
        "beside_volume_within": partial_r2(*beside, structure[sized]),
        **wrong,
        "random_structure": random_structure_r2(means, len(columns), len(structures))._asdict(),
    }


def volume_only(
    table: pd.DataFrame, subject_of: dict[str, str], target: str = TARGET
) -> dict[str, float]:
    """Return R^2 of the size of the volume alone; rows without a volume are left out.

    Args:
        table: columns structure, subject, `SIZE` and `target`.
        subject_of: scan -> subject.
        target: column name.
    """
    known = table[np.isfinite(table[SIZE])]
    x, y = known[[SIZE]].to_numpy(np.float64), known[target].to_numpy(np.float64)
    clusters = known["subject"].map(subject_of).to_numpy()
    return {
        "in_sample": in_sample_r2(x, y),
        "leave_one_subject_out": leave_group_out_r2(x, y, clusters),
        "within_structure": within_group_r2(x, y, known["structure"].to_numpy()),
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
    table: pd.DataFrame, subject_of: dict[str, str], order: np.ndarray
) -> tuple[Tree, pd.DataFrame]:
    """Return all numbers of one architecture: the R^2 pair, controls, correlations.

    `correlation.largest_mean` is the largest |r| of all summaries, as means over structures: the
    paper's number; its p, of the largest of so many, is `inference`'s.

    Args:
        table: from `prediction_table`, with `SIZE`.
        subject_of: scan -> subject.
        order: of the scans in the order of `subject_of`.

    Returns:
        The tree of the metrics file (NaN where undefined), and the table of all correlations.
    """
    tree, correlations = regressions(table, subject_of, order)
    scope = correlations[correlations["scope"] == "per_structure_mean"]
    tree["correlation"]["largest_mean"] = {
        kind: float(scope[kind].abs().max()) for kind in ("pearson", "spearman")
    }
    return tree, correlations


def regressions(
    table: pd.DataFrame, subject_of: dict[str, str], order: np.ndarray, target: str = TARGET
) -> tuple[Tree, pd.DataFrame]:
    """Return the R^2 pair of a target with its controls, and correlations.

    Args:
        table: from `prediction_table`, with `SIZE`.
        subject_of: scan -> subject.
        order: of the scans in the order of `subject_of`.
        target: column name.

    Returns:
        Tree of r2, controls and correlation (NaN where undefined), and the table of all
        correlations.
    """
    sets = {
        "histogram": histogram_columns(table, "own"),
        "summary": list(SUMMARIES),
    }
    controls: Tree = {
        name: regression_report(table, columns, subject_of, order, target)
        for name, columns in sets.items()
    }
    y = table[target].to_numpy(np.float64)
    common = table[histogram_columns(table, "global")].to_numpy(np.float64)
    controls["histogram"]["global_edges"] = in_sample_r2(common, y)
    controls["structure_only"] = group_means_r2(y, table["structure"].to_numpy())
    controls["volume_only"] = volume_only(table, subject_of, target)
    n_subjects = table["subject"].map(subject_of).nunique()
    correlations = correlation_table(table, list(SUMMARIES), target, n_subjects)
    tree: Tree = {
        "r2": {name: controls[name].pop("in_sample") for name in sets},
        "controls": controls,
        "correlation": headline_correlations(correlations),
    }
    return tree, correlations
