"""Turn the tidy tables of all groups into the study's metrics and the tables of its plots.

`python -m stages.analyse`: light; every number comes from work/measures.
"""

import sys
from typing import Any

import numpy as np
import pandas as pd

from stages.machine.entry import entry_point
from stages.params.analyse import AnalyseParams
from stages.params.ensembles import EnsembleParams
from stages.params.noise import NoiseParams
from stages.statistics.catalogue import Answer, Cohort, answers
from stages.statistics.methods.gaps import grid, without_gaps
from stages.statistics.methods.variability import bias_table, cv_table, medians
from stages.statistics.questions.headline import headline
from stages.statistics.questions.image_quality import member_means, quality_summary
from stages.statistics.questions.paper import cohort_of, compare
from stages.statistics.questions.prediction import predict, prediction_table
from stages.statistics.questions.training import COLUMNS, thin
from stages.storage.files import atomic_path, write_json
from stages.storage.tables import read_table
from stages.study import layout
from stages.study.groups import ADDED_NOISE, FULLY_SAMPLED
from stages.study.subjects import exam_map

NOISE, REFERENCE = ADDED_NOISE, FULLY_SAMPLED.name
FLOAT_FORMAT = "%.6g"
# tables with a folder of their own; the others are in `layout.measures`
FOLDERS = {
    "quality": layout.quality,
    "overlap": layout.overlap,
    "deformation": layout.deformation,
}
QUALITY = "quality"
VOLUME_COLUMNS = ["group", "member", "subject", "structure", "volume_mm3"]
QUALITY_COLUMNS = ["group", "member", "subject", "range", "slices", "psnr", "ssim"]
SCORE_COLUMNS = ["dice", "surface_distance_mm", "hausdorff95_mm"]
OVERLAP_COLUMNS = ["group", "member", "subject", "target", "structure", *SCORE_COLUMNS]
CHANGE_COLUMNS = ["group", "member", "subject", "structure", "change"]


def measured(group: str, name: str, columns: list[str]) -> pd.DataFrame:
    """Read one table of a group."""
    folder = FOLDERS.get(name, layout.measures)(group)
    return read_table(folder / f"{name}.csv", columns)


def tell(gaps: list[str], file: str) -> None:
    """Say on stderr what a file leaves out."""
    if gaps:
        print(f"{file}: {len(gaps)} undefined, left out: {', '.join(gaps)}", file=sys.stderr)


def image_quality(groups: tuple[str, ...]) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return metrics/image_quality.json and the table of its plot, one row a member."""
    tables = {group: measured(group, QUALITY, QUALITY_COLUMNS) for group in groups}
    rows = [
        means.reset_index().assign(group=group, range=kind[0], slices=kind[1])
        for group, table in tables.items()
        for kind in table[["range", "slices"]].drop_duplicates().itertuples(index=False)
        for means in [member_means(table, tuple(kind))]
    ]
    tree = {group: quality_summary(table) for group, table in tables.items()}
    columns = ["group", "range", "slices", "member", "psnr", "ssim"]
    return tree, pd.concat(rows, ignore_index=True)[columns]


def volumes(
    ensembles: EnsembleParams, structures: tuple[str, ...]
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Return metrics/volumes.json and the tables of variation and bias.

    Bias is told against the fully sampled scans and, where they are known, against true volumes. A
    cell (structure of a scan) without a positive volume is left out and counted in `excluded`.
    """
    reference = measured(REFERENCE, "volumes", VOLUME_COLUMNS)
    subjects = list(dict.fromkeys(reference["subject"]))
    known = truth()
    varied, biased, tree = [], [], {}
    for group in ensembles.compared:
        table, missing = grid(measured(group, "volumes", VOLUME_COLUMNS), structures, subjects)
        bias = bias_table(table, reference)
        biased.append(bias)
        undefined = _undefined(bias, "bias") + missing
        tree[group] = {"bias": medians(bias, "bias").get(group, {})}
        if known is not None:
            tree[group]["bias_truth"] = medians(bias_table(table, known), "bias").get(group, {})
        if group in ensembles.variable:
            cv = cv_table(table)
            varied.append(cv)
            undefined = list(dict.fromkeys(_undefined(cv, "cv") + undefined))
            overall = {"median": float(cv["cv"].median())}
            tree[group] = {"cv": overall | medians(cv, "cv").get(group, {}), **tree[group]}
        tree[group]["excluded"] = len(undefined)
        tell([f"{group}: {cell}" for cell in undefined], "metrics/volumes.json")
    tree |= reference_bias(reference, known, structures, subjects)
    return tree, pd.concat(varied, ignore_index=True), pd.concat(biased, ignore_index=True)


def _undefined(table: pd.DataFrame, value: str) -> list[str]:
    rows = table[table[value].isna()]
    return [f"{k} of {s}" for k, s in zip(rows["structure"], rows["subject"], strict=True)]


def truth() -> pd.DataFrame | None:
    """Return the true volumes of a simulated cohort."""
    path = layout.measures(REFERENCE) / "truth.csv"
    return read_table(path, ["subject", "structure", "volume_mm3"]) if path.exists() else None


def reference_bias(
    reference: pd.DataFrame,
    known: pd.DataFrame | None,
    structures: tuple[str, ...],
    subjects: list[str],
) -> dict[str, Any]:
    """Return how far the fully sampled scans are off true volumes themselves."""
    if known is None:
        return {"truth": "absent: the cohort is not simulated"}
    bias = bias_table(grid(reference, structures, subjects)[0], known)
    return {REFERENCE: {"bias_truth": medians(bias, "bias").get(REFERENCE, {})}}


def prediction(
    ensembles: EnsembleParams, cv: pd.DataFrame, exams: dict[str, str]
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Return metrics/prediction.json and the tables of correlations and regressions."""
    tree: dict[str, Any] = {}
    correlations, regressions = [], []
    for group in ensembles.architectures:
        n_members = len(ensembles.members(group, at_least=2))
        table, n_excluded = prediction_table(
            cv[cv["group"] == group],
            measured(group, "regions", ["structure", "subject", "mean"]),
            measured(group, "histograms", ["structure", "subject", "edges", "bin", "fraction"]),
        )
        answers, coefficients = predict(table, n_members, exams)
        answers, gaps = without_gaps(answers)
        tell([f"{group}.{gap}" for gap in gaps], "metrics/prediction.json")
        counts = {"members": n_members, "cells": len(table), "excluded": n_excluded}
        tree[group] = answers | {"n": counts | {"undefined": len(gaps)}}
        correlations.append(coefficients.assign(group=group))
        regressions += regression_rows(group, answers)
    columns = ["group", "scope", "statistic", "n", "pearson", "spearman"]
    table = pd.DataFrame(regressions, columns=["group", "predictors", "estimate", "r2"])
    return tree, pd.concat(correlations, ignore_index=True)[columns], table


def regression_rows(group: str, answers: dict[str, Any]) -> list[tuple[str, str, str, float]]:
    """Return the R^2, controls and ceiling of one architecture: group, predictors, estimate, r2."""
    rows = []
    for name in ("histogram", "summary"):
        found = {"in_sample": answers["r2"].get(name, np.nan)} | answers["controls"][name]
        rows += [(group, name, estimate, value) for estimate, value in found.items()]
    means = answers["controls"].get("structure_means", np.nan)
    rows.append((group, "structure", "in_sample", means))
    rows += [(group, "ceiling", scope, value) for scope, value in answers["ceiling"].items()]
    return rows


def cohort(ensembles: EnsembleParams, cv: pd.DataFrame, params: AnalyseParams) -> Cohort:
    """Return the tables that the study's further questions are put to: architectures only."""
    groups = ensembles.architectures
    reference = measured(REFERENCE, "volumes", VOLUME_COLUMNS)
    subjects = list(dict.fromkeys(reference["subject"]))

    def joined(name: str, columns: list[str], groups: tuple[str, ...] = groups) -> pd.DataFrame:
        tables = [measured(g, name, columns) for g in groups]
        # an empty table has columns of no type
        known = [table for table in tables if len(table)] or tables[:1]
        table = pd.concat(known, ignore_index=True)
        return grid(table, params.structures, subjects)[0] if "structure" in columns else table

    def draws() -> pd.DataFrame | None:
        paths = [layout.measures(group) / "draws.csv" for group in groups]
        if not all(path.exists() for path in paths):
            return None
        return joined("draws", [*VOLUME_COLUMNS, "draw"])

    known = truth()
    compared = ensembles.compared
    cell = ["group", "subject", "structure"]
    return Cohort(
        volumes=joined("volumes", VOLUME_COLUMNS),
        reference=grid(reference, params.structures, subjects)[0],
        truth=None if known is None else grid(known, params.structures, subjects)[0],
        draws=draws(),
        quality=joined(QUALITY, QUALITY_COLUMNS),
        cv=cv[cv["group"].isin(groups)],
        regions=joined("regions", [*cell, "mean"]),
        halves=joined("halves", [*cell, "half"]),
        histograms=joined("histograms", [*cell, "edges", "bin", "fraction"]),
        surrogates=joined("surrogates", [*cell, "surrogate", "kind", "value"]),
        overlap=joined("overlap", OVERLAP_COLUMNS, ensembles.groups),
        changes=joined("deformation", CHANGE_COLUMNS, compared),
        exams=exam_map(subjects, params.exam_pattern, params.exam_table),
    )


def noise(params: NoiseParams) -> dict[str, Any]:
    """Return metrics/noise.json: asked and achieved signal-to-noise ratio of the noise draws."""
    table = measured(NOISE, "snr", ["subject", "median", "mean", "pooled"])
    achieved = {name: float(table[name].median()) for name in ("median", "mean", "pooled")}
    return {"asked": params.snr, "definition": params.definition, "achieved": achieved}


def training(ensembles: EnsembleParams, n_points: int) -> pd.DataFrame:
    """Return the training curves of all members, thinned for plotting."""
    parts = [
        thin(
            read_table(layout.model(group, seed) / "curves.csv", ["step", *COLUMNS]), n_points
        ).assign(group=group, seed=seed)
        for group in ensembles.architectures
        for seed in ensembles.members(group)
    ]
    learned = [part for part in parts if len(part)]  # adopted members have no curves
    return pd.concat(learned or parts, ignore_index=True)[["group", "seed", "step", *COLUMNS]]


def write_table(name: str, table: pd.DataFrame) -> None:
    """Write a table of plots/."""
    with atomic_path(layout.PLOTS / f"{name}.csv") as path:
        table.to_csv(path, index=False, float_format=FLOAT_FORMAT)


@entry_point
def main() -> None:
    """Write metrics/*.json and plots/*.csv."""
    ensembles, params = EnsembleParams.load(), AnalyseParams.load()
    quality, quality_table = image_quality(ensembles.scored)
    volume, cv, bias = volumes(ensembles, params.structures)
    tables = cohort(ensembles, cv, params)
    predicted, correlations, regressions = prediction(ensembles, cv, tables.exams)
    found: dict[str, Answer] = answers(tables, params)
    trees = {"image_quality": quality, "volumes": volume, "prediction": predicted}
    members = {group: len(ensembles.members(group)) for group in ensembles.architectures}
    found["paper"] = compare(trees, members, len(tables.exams), cohort_of(list(tables.exams)))
    trees |= {"headline": headline(**trees), "noise": noise(NoiseParams.load())}
    trees |= {name: tree for name, (tree, _) in found.items()}
    plots = {
        "cv": cv,
        "bias": bias,
        "correlations": correlations,
        "regression": regressions,
        "image_quality": quality_table,
        "training": training(ensembles, params.curve_points),
    }
    plots |= {name: table for name, (_, table) in found.items()}
    for name, tree in trees.items():
        whole, gaps = without_gaps(tree)
        tell(gaps, f"metrics/{name}.json")
        write_json(layout.METRICS / f"{name}.json", whole)
    for name, table in plots.items():
        write_table(name, table)


if __name__ == "__main__":
    main()
