"""Every figure of the study, in the order of the HTML report.

A new figure is a module of its own (how it is drawn, what it reads, its words) and an entry here.
Its PNG is plots/report/<name>.png.
"""

from stages.figures import (
    agreement,
    bias_prediction,
    calibration,
    cohort,
    components,
    conformal,
    deformation,
    ensemble_size,
    figure1,
    figure2,
    figure3,
    image_scores,
    kinds,
    masks,
    overlap,
    pathology,
    power,
    r2,
    segmenter,
    slopes,
    surrogates,
    task_error,
    thickness,
    total_variance,
    training,
)
from stages.figures.kit.facts import Facts
from stages.figures.kit.study_figure import PerGroup, StudyFigure

FIGURES: tuple[StudyFigure | PerGroup, ...] = (
    cohort.FIGURE,
    figure1.FIGURE,
    figure2.FIGURE,
    slopes.FIGURE,
    surrogates.FIGURE,
    r2.FIGURE,
    bias_prediction.FIGURE,
    figure3.FIGURE,
    components.FIGURE,
    total_variance.FIGURE,
    agreement.FIGURE,
    calibration.FIGURE,
    conformal.FIGURE,
    power.FIGURE,
    kinds.FIGURE,
    ensemble_size.FIGURE,
    task_error.FIGURE,
    image_scores.FIGURE,
    overlap.FIGURE,
    deformation.FIGURE,
    thickness.FIGURE,
    pathology.FIGURE,
    masks.FIGURE,
    training.FIGURE,
    segmenter.FIGURE,
)


def figures(facts: Facts) -> list[StudyFigure]:
    """Return the figures that a study has, those of single groups one by one; nothing is drawn."""
    found: list[StudyFigure] = []
    for entry in FIGURES:
        if isinstance(entry, StudyFigure):
            found.append(entry)
        else:
            found += [entry.figure(group) for group in entry.groups(facts)]
    return [figure for figure in found if figure.answered(facts) and figure.shown(facts)]
