"""The questions that the study puts to its tables; each is answered by metrics and one table.

A new question is a function `(Cohort, AnalyseParams, Generator) -> (tree, table)` and its entry in
`QUESTIONS`: `analyse` writes metrics/<name>.json and plots/<name>.csv.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.measures.voxelwise import SUMMARIES
from stages.params.analyse import AnalyseParams
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.split_half import disjoint_r2, reliability
from stages.statistics.methods.variability import bias_table, cv_table
from stages.statistics.questions import (
    calibration,
    components,
    conformal,
    deformation,
    ensemble_size,
    outliers,
    overlap,
    power,
    surrogates,
    task_error,
    tasks,
)
from stages.statistics.questions.image_quality import MEASURES, quality_summary
from stages.statistics.questions.inference import infer
from stages.statistics.questions.prediction import TARGET, prediction_table
from stages.study.seeds import stable_seed

Answer = tuple[dict, pd.DataFrame]
HEADLINE = "mean"  # the summary of the voxelwise deviation that correlations are told of


@dataclass(frozen=True)
class Cohort:
    """Tidy tables of all architectures; see `measure` for the columns.

    overlap, changes: of all groups; see stages `overlap` and `deformation`.
    reference, truth: columns subject, structure, volume_mm3; no truth unless it is known.
    draws: repeated segmentations of the same image; None if there are none.
    exams: scan -> exam.
    """

    volumes: pd.DataFrame
    reference: pd.DataFrame
    truth: pd.DataFrame | None
    draws: pd.DataFrame | None
    quality: pd.DataFrame
    cv: pd.DataFrame
    regions: pd.DataFrame
    halves: pd.DataFrame
    histograms: pd.DataFrame
    surrogates: pd.DataFrame
    overlap: pd.DataFrame
    changes: pd.DataFrame
    exams: dict[str, str]

    @property
    def groups(self) -> list[str]:
        """The architectures, in the order of the study."""
        return list(dict.fromkeys(self.volumes["group"]))

    @property
    def predictors(self) -> pd.DataFrame:
        """Every surrogate: columns group, subject, structure, surrogate, kind, value."""
        everything = [surrogates.image_surrogates(self.regions), self.surrogates]
        return pd.concat(everything, ignore_index=True)


def of(table: pd.DataFrame, group: str) -> pd.DataFrame:
    """Rows of one group."""
    return table[table["group"] == group]


def ask_inference(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Intervals, chance and ceilings of correlations and R^2; halves of the members apart."""
    tree, tables = {}, []
    for group in cohort.groups:
        table, _ = prediction_table(
            of(cohort.cv, group), of(cohort.regions, group), of(cohort.histograms, group)
        )
        sizes = (params.bootstrap_draws, params.permutations, params.level)
        found, rows = infer(table, [HEADLINE], TARGET, cohort.exams, *sizes, rng)
        own = of(cohort.volumes, group)
        ceilings, limits = reliability(
            own, cohort.exams, params.subsets, params.bootstrap_draws, params.level, rng
        )
        halves = disjoint_r2(own, of(cohort.halves, group), list(SUMMARIES))
        leaves, gaps = without_gaps(found | {"ceiling": ceilings, "halves": halves})
        tree[group] = leaves | {"undefined": len(gaps)}
        limits = limits.assign(statistic="ceiling")
        tables += [rows.assign(group=group), limits.assign(group=group)]
    return tree, pd.concat(tables, ignore_index=True)


def ask_surrogates(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """What does foretell volume uncertainty, and what it costs."""
    return surrogates.foretell(
        cohort.predictors,
        cohort.cv,
        cohort.exams,
        params.bootstrap_draws,
        params.level,
        rng,
    )


def ask_components(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Variance between members, their interaction with scans, and the segmenter's own."""
    return components.decompose(cohort.volumes, cohort.draws)


def ask_power(cohort: Cohort, params: AnalyseParams, _: np.random.Generator) -> Answer:
    """Smallest detectable change and size of a trial."""
    _, table = components.decompose(cohort.volumes, cohort.draws)
    options = power.PowerOptions(**params.trial.model_dump())
    return power.power(table, options)


def ask_conformal(cohort: Cohort, params: AnalyseParams, _: np.random.Generator) -> Answer:
    """Intervals of volumes that cover as often as they say."""
    return conformal.conformal(cohort.volumes, cohort.reference, cohort.exams, params.alpha)


def ask_calibration(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Do ensembles spread as far as they err, against the fully sampled scan and the truth."""
    targets = {"reference": cohort.reference}
    if cohort.truth is not None:
        targets["truth"] = cohort.truth
    found = {name: calibration.calibrate(cohort.volumes, t) for name, t in targets.items()}
    tables = [table.assign(target=name) for name, (_, table) in found.items()]
    return {name: tree for name, (tree, _) in found.items()}, pd.concat(tables, ignore_index=True)


def ask_ensemble_size(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """How many members a coefficient of variation needs."""
    return ensemble_size.ensemble_size(cohort.volumes, params.subsets, rng)


def ask_outliers(cohort: Cohort, params: AnalyseParams, _: np.random.Generator) -> Answer:
    """Members that stand apart, and the headline numbers with and without them.

    Without them, R^2 and correlations stand under `target_only`: the predictors are of all members.
    """
    tree, table = outliers.outliers(cohort.quality, cohort.volumes, params.outlier_threshold)
    kept = [outliers.without(t, table) for t in (cohort.volumes, cohort.quality)]
    influence = []
    for group in cohort.groups:
        volumes, quality = of(cohort.volumes, group), of(cohort.quality, group)
        images = of(cohort.regions, group), of(cohort.histograms, group)
        told = outliers.foretold(cv_table(volumes), *images)
        tree[group]["with"] = counted(headline(volumes, quality) | told)
        influence.append(outliers.left_out(volumes, *images))
        volumes, quality = (of(t, group) for t in kept)
        told = {"target_only": outliers.foretold(cv_table(volumes), *images)}
        tree[group]["without"] = counted(headline(volumes, quality) | told)
    whole = pd.concat(influence, ignore_index=True)
    return tree, table.merge(whole, on=["group", "member"], how="left")


def counted(tree: dict) -> dict:
    """Leave undefined numbers out and say how many there were."""
    leaves, gaps = without_gaps(tree)
    return leaves | {"undefined": len(gaps)}


def headline(volumes: pd.DataFrame, quality: pd.DataFrame) -> dict:
    """Median CV in percent, and PSNR (dB) and SSIM over members; NaN where undefined."""
    scores = quality_summary(quality)
    cv = float(cv_table(volumes)["cv"].median())
    return {"cv_median": cv, **{name: scores[name] for name in MEASURES}}


def ask_task_error(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Whether PSNR and SSIM foretell errors of volumes."""
    return task_error.task_error(
        cohort.quality,
        cohort.volumes,
        cohort.reference,
        cohort.exams,
        params.bootstrap_draws,
        params.level,
        rng,
    )


def ask_overlap(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Overlap and surface distances of the segmentations."""
    return overlap.overlap(cohort.overlap)


def ask_deformation(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Apparent changes of volume that need no segmentation of the members."""
    draws = tasks.draw_exams(cohort.exams, params.bootstrap_draws, params.level, rng)
    tables = cohort.cv, cohort.volumes, cohort.reference
    return deformation.deformation(cohort.changes, *tables, draws)


def ask_tasks(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Whether uncertainties foretell other tasks than volumes; the volumes' own CV beside them."""
    draws = tasks.draw_exams(cohort.exams, params.bootstrap_draws, params.level, rng)
    name, kind = tasks.VOLUME_CV
    own = cohort.cv.rename(columns={"cv": "value"}).assign(surrogate=name, kind=kind)
    predictors = pd.concat([cohort.predictors, own], ignore_index=True)
    bias = bias_table(cohort.volumes, cohort.reference)
    changes = deformation.deformation_cells(cohort.changes, cohort.cv, bias)
    targets = tasks.task_targets(overlap.overlap_cells(cohort.overlap), changes)
    return tasks.foretold(predictors, targets[targets["group"].isin(cohort.groups)], draws)


QUESTIONS: dict[str, Callable[[Cohort, AnalyseParams, np.random.Generator], Answer]] = {
    "inference": ask_inference,
    "surrogates": ask_surrogates,
    "components": ask_components,
    "power": ask_power,
    "conformal": ask_conformal,
    "calibration": ask_calibration,
    "ensemble_size": ask_ensemble_size,
    "outliers": ask_outliers,
    "task_error": ask_task_error,
    "overlap": ask_overlap,
    "deformation": ask_deformation,
    "tasks": ask_tasks,
}


def answers(cohort: Cohort, params: AnalyseParams) -> dict[str, Answer]:
    """Return the answer to every question; each draws from a generator of its own."""
    return {
        name: ask(cohort, params, np.random.default_rng(stable_seed("analyse", name, params.seed)))
        for name, ask in QUESTIONS.items()
    }
