"""Pathological phantoms beside their matched healthy phantoms, and the measured changes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stages.figures.kit.facts import Facts
from stages.figures.kit.planes import fullest, inside, ras_voxel_size, to_ras
from stages.figures.kit.sample import sample
from stages.figures.kit.study_figure import StudyFigure, from_k_space
from stages.figures.kit.style import RC, bare, colour, new_figure
from stages.figures.kit.titles import title
from stages.measures.members import load_labels, load_reference
from stages.storage.tables import read_table
from stages.study import layout
from stages.study.pairs import HEALTHY, kind_of, matched_pairs

BRIGHTEST = 1.5  # white matter = 1
OUTLINE = "#E69F00"
REFERENCE, REFERENCE_COLOUR = "reference", "#8C8C8C"  # the fully sampled images
BAND = 0.7  # fraction of a row that its groups fill
PERCENT = 100.0
MEASURED = (0.0, 200.0)  # % of a true change; what lies beyond is drawn at the edge
MARKERS = "voDPX^s*"  # of the pathologies
CORONAL, AXIAL = 1, 2  # of right, anterior, superior
DIFFUSE = {"atrophy": ("hippocampus", CORONAL)}  # is seen in this structure, along this axis
PLANES_A_ROW = 4  # two pathologies, each beside its matched healthy phantom
ROW_HEIGHT, PLOTS_HEIGHT = 3.2, 3.4  # of the planes and of what is below, inches


@dataclass(frozen=True)
class Plane:
    """A plane as shown."""

    title: str
    image: np.ndarray
    """(height, width), white matter = 1."""
    changed: np.ndarray | None
    """(height, width), what a pathology changed."""
    aspect: float
    """Height of a voxel by its width."""


def read_and_draw(facts: Facts) -> Figure:
    """Draw the pathological phantoms of the study in the current directory."""
    columns = ["group", "kind", "structure", "true_change", "measured_change", "change_sd"]
    pair_table = read_table(layout.table("pathology", "pathology"), columns)
    ratios = ["group", "kind", "error_ratio", "std_ratio"]
    voxels = read_table(layout.PATHOLOGY / "voxels.csv", ratios)
    return draw(pair_table, voxels, facts.groups, planes(list(facts.subject_of)))


def planes(subjects: list[str]) -> list[Plane]:
    """Return planes of the first phantom with each pathology and of its healthy phantom."""
    first: dict[str, tuple[str, str]] = {}
    for pair in matched_pairs(subjects):
        first.setdefault(kind_of(pair[0]), pair)
    found = []
    for kind, (pathological, healthy) in first.items():
        changed, before = load_reference(pathological), load_reference(healthy)
        mask = load_labels(layout.affected(pathological, kind), before.grid)
        images = before.image / before.scale, changed.image / before.scale
        found += matched_planes(kind, images, mask, before.labels, before.affine)
    return found


def matched_planes(
    kind: str,
    images: tuple[np.ndarray, np.ndarray],
    changed: np.ndarray,
    labels: np.ndarray,
    matrix: np.ndarray,
) -> list[Plane]:
    """Return a plane of the healthy phantom and the same one of the pathological phantom.

    Axial through the largest section of what changed; a diffuse change is shown in a structure
    that it is known to affect.

    Args:
        kind: the pathology.
        images: healthy, with the pathology, (i, j, k), white matter = 1.
        changed: mask of what the pathology changed, (i, j, k).
        labels: FreeSurfer ids of the healthy phantom, (i, j, k).
        matrix: (4, 4) voxel to world, RAS+, mm.
    """
    structure, axis = DIFFUSE.get(kind, (None, AXIAL))
    mask = to_ras(changed, matrix) != 0
    seen = mask if structure is None else inside(to_ras(labels, matrix), (structure,))
    index = fullest(seen if seen.any() else mask, axis)
    sizes = np.delete(ras_voxel_size(matrix), axis)
    aspect = float(sizes[1] / sizes[0])
    healthy, pathological = (to_ras(image, matrix).take(index, axis).T for image in images)
    outline = mask.take(index, axis).T
    return [Plane("healthy", healthy, None, aspect), Plane(kind, pathological, outline, aspect)]


def draw(
    pair_table: pd.DataFrame, voxels: pd.DataFrame, groups: Sequence[str], planes: Sequence[Plane]
) -> Figure:
    """Draw the phantoms, their changes of volume, and whether spread and SD indicate errors.

    Args:
        pair_table: columns group, kind, structure, true_change, measured_change, change_sd, as in
            plots/pathology/pathology.csv.
        voxels: columns group, kind, error_ratio, std_ratio, as in work/pathology/voxels.csv.
        groups: the architectures.
        planes: shown above.
    """
    with rc_context(RC):
        columns = min(len(planes), PLANES_A_ROW)
        rows = -(-len(planes) // columns)
        figure = new_figure(3.3 * 3, rows * ROW_HEIGHT + PLOTS_HEIGHT)
        heights = rows * ROW_HEIGHT, PLOTS_HEIGHT
        above, below = figure.subfigures(2, 1, height_ratios=heights)  # type: ignore[misc]  # two
        panels = above.subplots(rows, columns, squeeze=False).ravel()
        for panel, plane in zip(panels, planes, strict=False):  # the last row may not be full
            _picture(panel, plane)
        for panel in panels[len(planes) :]:
            panel.set_axis_off()
        left, middle, right = below.subplots(1, 3)
        changed = pair_table[
            (pair_table["true_change"] != 0) & pair_table["measured_change"].notna()
        ]
        markers = kind_markers([*pair_table["kind"], *voxels["kind"]])
        _shown(left, changed, groups, markers)
        _missed(middle, changed, groups, markers)
        _ratios(right, voxels, groups, markers)
        below.legend(handles=_handles(groups, markers), loc="outside lower center", ncols=8)
    return figure


def _picture(panel: Axes, plane: Plane) -> None:
    panel.imshow(
        plane.image, origin="lower", cmap="gray", vmin=0, vmax=BRIGHTEST, aspect=plane.aspect
    )
    if plane.changed is not None and plane.changed.any():
        panel.contour(plane.changed.astype(float), [0.5], colors=[OUTLINE], linewidths=0.6)
    panel.set_title(plane.title)
    bare(panel)


def _shown(
    axes: Axes, changed: pd.DataFrame, groups: Sequence[str], markers: dict[str, str]
) -> None:
    """The measured fraction of each structure's true change, a row a structure."""
    names = list(dict.fromkeys(changed["structure"]))
    everyone = (REFERENCE, *groups)
    for g, group in enumerate(everyone):
        for kind, own in changed[changed["group"] == group].groupby("kind", sort=False):
            rows = np.array([names.index(name) for name in own["structure"]], float)
            rows += BAND * ((g + 0.5) / len(everyone) - 0.5)
            share = np.clip(PERCENT * own["measured_change"] / own["true_change"], *MEASURED)
            axes.plot(share, rows, **_style(markers[kind], group, groups))
    axes.axvline(PERCENT, color="black", linestyle="--", linewidth=1.0)
    axes.set_yticks(range(len(names)), [title(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set(title="Change of volume", xlabel="measured (% of the true change)")


def _missed(
    axes: Axes, changed: pd.DataFrame, groups: Sequence[str], markers: dict[str, str]
) -> None:
    """Error of the measured change against the spread of the members' changes."""
    drawn = [np.empty(0)]
    for group in groups:
        for kind, own in changed[changed["group"] == group].groupby("kind", sort=False):
            missed = (own["measured_change"] - own["true_change"]).abs()
            known = (missed > 0) & (own["change_sd"] > 0)  # others: no place on logarithmic axes
            points = missed[known], own["change_sd"][known]
            axes.plot(*points, **_style(markers[kind], group, groups))
            drawn += points
    axes.set(title="SD and error", xscale="log", yscale="log")
    axes.set(xlabel="error of the change\n(percentage points)", ylabel="SD of the members' changes")
    values = np.concatenate(drawn)
    if not len(values):
        return
    low, high = values.min() / 1.4, values.max() * 1.4
    axes.plot([low, high], [low, high], "--", color="black", linewidth=1.0)
    axes.set(xlim=(low, high), ylim=(low, high))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 3), numticks=12))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _ratios(
    axes: Axes, voxels: pd.DataFrame, groups: Sequence[str], markers: dict[str, str]
) -> None:
    """SD against error in the affected voxels, each relative to the healthy phantom's."""
    known = voxels.dropna(subset=["error_ratio", "std_ratio"])
    for group in groups:
        for kind, part in known[known["group"] == group].groupby("kind", sort=False):
            axes.plot(
                part["error_ratio"], part["std_ratio"], **_style(markers[kind], group, groups)
            )
    axes.set(title="Affected voxels", xlabel="error, pathological / matched healthy")
    axes.set_ylabel("SD, pathological / matched healthy")
    values = np.concatenate([[1.0], known[["error_ratio", "std_ratio"]].to_numpy().ravel()])
    margin = 0.08 * np.ptp(values) + 0.02
    ends = float(values.min() - margin), float(values.max() + margin)
    axes.plot(ends, ends, "--", color="black", linewidth=1.0)
    for line in (axes.axhline, axes.axvline):
        line(1, color="#CCCCCC", linewidth=0.8, zorder=0)
    axes.set(xlim=ends, ylim=ends)


def kind_markers(kinds: Iterable[str]) -> dict[str, str]:
    """Return the marker of each pathology among `kinds`, in the order in which they come."""
    present = [kind for kind in dict.fromkeys(kinds) if kind != HEALTHY]
    return {kind: MARKERS[k % len(MARKERS)] for k, kind in enumerate(present)}


def _style(marker: str, group: str, groups: Sequence[str]) -> dict[str, Any]:
    tint = _tint(group, groups)
    return {"color": tint, "marker": marker, "linestyle": "", "markersize": 4.5, "alpha": 0.8}


def _tint(group: str, groups: Sequence[str]) -> str:
    return {REFERENCE: REFERENCE_COLOUR}.get(group) or colour(group, groups)


def _handles(groups: Sequence[str], markers: dict[str, str]) -> list[Line2D]:
    titles = {REFERENCE: "Fully sampled"} | {group: title(group) for group in groups}
    patches = [
        Line2D([], [], ls="", marker="s", color=_tint(group, groups), label=name)
        for group, name in titles.items()
    ]
    return patches + [
        Line2D([], [], ls="", marker=marker, color="black", label=kind)
        for kind, marker in markers.items()
    ]


def caption(facts: Facts) -> str:
    """Return units, n and how to read the plots."""
    return (
        "Above: fully sampled planes of one phantom, healthy and pathological; outlines: where the"
        " disease lies. Below: measured change of volume in % of the true one (left; beyond 0 to"
        " 200 at the edge), its error against the SD of the members' changes in percentage points"
        " (middle), and error and standard deviation in the affected voxels relative to the matched"
        " healthy phantom's (right). Points left of 100 % are biased towards normal anatomy; below"
        " the dashed diagonals the SD is smaller than the error (middle) or grows less (right)."
        f" {sample(facts)}."
    )


FIGURE = StudyFigure(
    "pathology",
    "Does the SD of the ensemble indicate its error on pathology?",
    "Slices of pathological and healthy phantoms; scatter plots of measured against true changes.",
    caption,
    read_and_draw,
    shown=lambda facts: from_k_space(facts) and not facts.get("pathology", "skipped"),
    good="Good: points on the diagonal, and disagreement where the change is missed.",
    vector=False,
)
