"""The questions of the study, in the order of asking.

A new question is a module of `questions/` with a function `ask` and its line in `QUESTIONS`:
`analyse` writes its metrics and tables.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer
from stages.statistics.cohort import Cohort
from stages.statistics.families import with_families
from stages.statistics.needs import lacking
from stages.statistics.questions import (
    agreement,
    asymmetry,
    bias_prediction,
    calibration,
    components,
    conformal,
    deformation,
    ensemble_size,
    headline,
    image_quality,
    image_scores,
    inference,
    kinds,
    noise,
    outliers,
    overlap,
    paper,
    power,
    prediction,
    readings,
    slopes,
    surrogates,
    task_error,
    tasks,
    thickness,
    total_variance,
    training,
    volumes,
)
from stages.study.seeds import stable_seed

Ask = Callable[[Cohort, AnalyseParams, np.random.Generator], Answer]
QUESTIONS: dict[str, Ask] = {
    "image_quality": image_quality.ask,
    "volumes": volumes.ask,
    "prediction": prediction.ask,
    "readings": readings.ask,
    "noise": noise.ask,
    "training": training.ask,
    "slopes": slopes.ask,
    "inference": inference.ask,
    "surrogates": surrogates.ask,
    "bias_prediction": bias_prediction.ask,
    "components": components.ask,
    "total_variance": total_variance.ask,
    "power": power.ask,
    "agreement": agreement.ask,
    "asymmetry": asymmetry.ask,
    "conformal": conformal.ask,
    "calibration": calibration.ask,
    "kinds": kinds.ask,
    "ensemble_size": ensemble_size.ask,
    "outliers": outliers.ask,
    "task_error": task_error.ask,
    "image_scores": image_scores.ask,
    "overlap": overlap.ask,
    "deformation": deformation.ask,
    "thickness": thickness.ask,
    "tasks": tasks.ask,
    "paper": paper.ask,
    "headline": headline.ask,
}
JUDGING = {"paper", "headline"}
"""They conclude from all answers before them, and have no p-value of their own."""


def answer_all(cohort: Cohort, params: AnalyseParams) -> dict[str, Answer]:
    """Return the answer to every question; each has a random generator of its own.

    A question knows the answers to those before it (`Cohort.answers`); those that judge know the
    adjusted p-values as well. One that needs what the cohort lacks is skipped and says why.
    """
    answers: dict[str, Answer] = {}
    ensembles = cohort.ensembles
    controls = {*ensembles.compared} - {*ensembles.studied}
    for name, ask in QUESTIONS.items():
        if name in JUDGING:
            answers = with_families(answers, controls)
        if reason := lacking(ask, cohort):
            answers[name] = Answer(skipped=reason)
            continue
        rng = np.random.default_rng(stable_seed("analyse", name, params.seed))
        answers[name] = ask(replace(cohort, answers=dict(answers)), params, rng)
    return answers
