"""Every figure of the study that is drawn from its results, by the name of its file in plots/.

Tables, images and segmentations of the study in the current directory are read here; how a figure
looks is said in the module of its own.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.figures import figure1, figure2, figure3, r2, training
from stages.figures.calibration import calibration_figure
from stages.figures.components import components_figure
from stages.figures.conformal import conformal_figure
from stages.figures.deformation import deformation_figure
from stages.figures.ensemble_size import ensemble_size_figure
from stages.figures.overlap import overlap_figure
from stages.figures.pathology import Plane, pathology_figure, twin_planes
from stages.figures.power import power_figure
from stages.figures.surrogates import surrogates_figure
from stages.figures.task_error import task_error_figure
from stages.measures.members import load_like, load_reference, read_table, scans
from stages.params.analyse import AnalyseParams
from stages.params.ensembles import NOISE, EnsembleParams
from stages.params.report import ReportParams
from stages.statistics.questions.paper import anchors
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.pairs import kind_of, matched_pairs
from stages.study.subjects import exam_map

INFERENCE_COLUMNS = ["group", "scope", "statistic", "estimate", "value", "low", "high"]


def figures(
    ensembles: EnsembleParams, params: AnalyseParams, report: ReportParams
) -> Iterator[tuple[str, Figure]]:
    """Yield name and drawing one by one, so that each may be written and forgotten."""
    groups, structures = ensembles.architectures, params.structures
    yield "figure1", draw_figure1(ensembles, report)
    yield "figure2", draw_figure2(ensembles, structures)
    for group in groups:
        yield f"figure3_{group}", draw_figure3(group, structures)
    yield "r2", draw_r2(groups)
    yield from answers(groups, params).items()
    yield from second_tasks(ensembles, structures).items()
    yield "pathology", pathology(groups)
    curves = plotted("training", ["group", "seed", "step", *training.PANELS])
    yield "training", training.draw(curves, groups)


def plotted(name: str, columns: list[str]) -> pd.DataFrame:
    """Read a table that `analyse` wrote."""
    return read_table(layout.PLOTS / f"{name}.csv", columns)


def draw_figure1(ensembles: EnsembleParams, params: ReportParams) -> Figure:
    """Draw members of one ensemble on a slice of the first validation scan."""
    group, subject = params.architecture, scans()[0]
    if group not in ensembles.architectures:
        known = ", ".join(ensembles.architectures)
        raise StudyError(
            f"params.yaml: 'report.architecture': expected one of {known}, got '{group}'"
        )
    members = ensembles.members(group, at_least=2)[: params.n_members]
    part = figure1_slice(group, members, subject)
    return figure1.draw(part, group, members, subject)


def figure1_slice(group: str, members: tuple[int, ...], subject: str) -> figure1.Slice:
    """Read the axial slice of every member that shows most of the deep structures."""
    reference = load_reference(subject)
    matrix, scale = reference.affine, reference.scale
    found = figure1.to_ras(reference.labels, matrix)
    height = figure1.best_slice(found)

    def plane(path: Path) -> np.ndarray:
        volume = load_like(path, reference.image.shape, matrix)
        return figure1.to_ras(volume, matrix)[:, :, height].copy()

    images = [plane(layout.image(group, m, subject)) for m in members]
    labels = [plane(layout.segmentation(group, m, subject)) for m in members]
    return figure1.cut(
        figure1.to_ras(reference.image, matrix)[:, :, height] / scale,
        np.stack(images) / scale,
        found[:, :, height],
        np.stack(labels).astype(np.int64),
        figure1.ras_voxel_size(matrix),
    )


def draw_figure2(ensembles: EnsembleParams, structures: tuple[str, ...]) -> Figure:
    """Draw variation and bias of all ensembles, noise included."""
    cv = plotted("cv", ["group", "structure", "cv"])
    bias = plotted("bias", ["group", "structure", "bias"])
    groups = (*ensembles.architectures, NOISE)
    return figure2.draw(cv, bias, groups, structures, anchors())


def draw_figure3(group: str, structures: tuple[str, ...]) -> Figure:
    """Draw the correlations of one architecture."""
    cv = plotted("cv", ["group", "structure", "subject", "cv"])
    path = layout.measures(group) / "regions.csv"
    regions = read_table(path, ["structure", "subject", "mean"])
    points = cv[cv["group"] == group].merge(
        regions[["structure", "subject", "mean"]], on=["structure", "subject"]
    )
    table = plotted("correlations", ["group", "scope", "statistic", "n", "pearson"])
    return figure3.draw(points, table[table["group"] == group], group, structures)


def draw_r2(groups: tuple[str, ...]) -> Figure:
    """Draw the paper's regressions with their controls and ceilings."""
    table = plotted("regression", ["group", "predictors", "estimate", "r2"])
    return r2.draw(table, plotted("inference", INFERENCE_COLUMNS), groups)


def answers(groups: tuple[str, ...], params: AnalyseParams) -> dict[str, Figure]:
    """Draw the answers to the study's further questions, by the name of their table."""
    names = ("surrogates", "components", "power", "conformal", "ensemble_size", "task_error")
    tables = {name: plotted(name, ["group"]) for name in names}
    inference = plotted("inference", INFERENCE_COLUMNS)
    known = plotted("calibration", ["group", "target"])
    target = "truth" if (known["target"] == "truth").any() else "reference"
    label = {"truth": "true volume", "reference": "fully sampled volume"}[target]
    subjects = scans()
    n_exams = len(set(exam_map(subjects, params.exam_pattern, params.exam_table).values()))
    structures = params.structures
    return {
        "surrogates": surrogates_figure(tables["surrogates"], inference, groups),
        "components": components_figure(tables["components"], groups, structures),
        "power": power_figure(tables["power"], groups, structures),
        "conformal": conformal_figure(tables["conformal"], groups, params.alpha, n_exams),
        "ensemble_size": ensemble_size_figure(tables["ensemble_size"], groups),
        "task_error": task_error_figure(tables["task_error"], groups),
        "calibration": calibration_figure(known[known["target"] == target], groups, label),
    }


def second_tasks(ensembles: EnsembleParams, structures: tuple[str, ...]) -> dict[str, Figure]:
    """Draw overlap and deformation of every group, by the name of their table."""
    groups = (*ensembles.architectures, NOISE, *ensembles.baselines)
    overlap = plotted("overlap", ["group", "target", "structure", "dice", "surface_distance_mm"])
    deformation = plotted("deformation", ["group", "structure", "sd", "mean", "cv"])
    tasks = plotted("tasks", ["group", "target", "predictor", "scope", "n", "value"])
    same = tasks[(tasks["target"] == "deformation_sd") & (tasks["predictor"] == "cv")]
    agreement = {
        group: part.dropna(subset=["value"]).set_index("scope")["value"].to_dict()
        for group, part in same.groupby("group", sort=False)
    }
    return {
        "overlap": overlap_figure(overlap, tasks, groups, structures),
        "deformation": deformation_figure(deformation, agreement, groups, structures),
    }


def pathology(groups: tuple[str, ...]) -> Figure:
    """Draw what the ensembles make of heads with a pathology."""
    cells = plotted("pathology", ["group", "kind", "true_change", "change_sd"])
    voxels = read_table(layout.PATHOLOGY / "voxels.csv", ["group", "kind", "error_ratio"])
    return pathology_figure(cells, voxels, groups, planes(scans()))


def planes(subjects: list[str]) -> list[Plane]:
    """Return planes of the first head with each pathology and of its healthy twin."""
    first: dict[str, tuple[str, str]] = {}
    for pair in matched_pairs(subjects):
        first.setdefault(kind_of(pair[0]), pair)
    found = []
    for kind, (ill, healthy) in first.items():
        changed, twin = load_reference(ill), load_reference(healthy)
        mask = load_like(layout.affected(ill, kind), twin.image.shape)
        images = twin.image / twin.scale, changed.image / twin.scale
        found += twin_planes(kind, images, mask, twin.labels, twin.affine)
    return found
