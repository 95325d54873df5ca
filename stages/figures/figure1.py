"""Figure 1: members of one ensemble on one slice, their standard deviation and their contours."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, number
from stages.figures.kit.planes import DEEP, best_slice, inside, ras_voxel_size, to_ras
from stages.figures.kit.study_figure import PerGroup, StudyFigure
from stages.figures.kit.style import RC, bare, new_figure
from stages.figures.kit.titles import title
from stages.measures.members import load_image, load_labels, load_reference
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.structures import MERGED, STRUCTURES

MARGIN_MM = 8.0  # around the head's labels
ZOOM_MARGIN_MM = 4.0  # around the deep structures
PANEL_INCHES = 2.1
BRIGHTEST = 99.5  # percentile of the slice drawn in white
# of members, which the colour-blind tell apart on grey: Okabe and Ito 2008
CONTOURS = ("#F0E442", "#56B4E9", "#D55E00", "#CC79A7", "#E69F00", "#009E73", "#0072B2")

Ranges = tuple[tuple[int, int], tuple[int, int]]
"""((x0, x1), (y0, y1)) of a slice."""


@dataclass(frozen=True)
class Slice:
    """One axial slice of an ensemble: (right, anterior) axes, in units of white matter."""

    reference: np.ndarray
    """(x, y)."""
    images: np.ndarray
    """(n_members, x, y)."""
    labels: np.ndarray
    """(n_members, x, y) FreeSurfer ids."""
    std: np.ndarray
    """(x, y), ddof = 1."""
    aspect: float
    """Height of a voxel by its width."""
    head: Ranges
    """What is shown of the whole head."""
    zoom: Ranges
    """What is shown enlarged."""


def chosen(facts: Facts) -> tuple[str]:
    """Return the architecture whose members are shown.

    Raises:
        StudyError: if the parameters name one that is not studied.
    """
    group = facts.report.architecture
    if group not in facts.groups:
        known = ", ".join(facts.groups)
        raise StudyError(
            f"params.yaml: 'report.architecture': expected one of {known}, got '{group}'"
        )
    return (group,)


def draw_group(facts: Facts, group: str) -> Figure:
    """Draw members of one ensemble on a slice of the first validation scan."""
    subject = next(iter(facts.subject_of))
    found = facts.ensembles.group(group, at_least=2)
    members = found.of(subject)[: facts.report.n_members]
    return draw(read(group, members, subject), group, members, subject)


def read(group: str, members: tuple[int, ...], subject: str) -> Slice:
    """Return the axial slice of every member that shows most of the deep structures."""
    reference = load_reference(subject)
    matrix, scale = reference.affine, reference.scale
    found = to_ras(reference.labels, matrix)
    height = best_slice(found)

    def plane(volume: np.ndarray) -> np.ndarray:
        return to_ras(volume, matrix)[:, :, height].copy()

    images = [plane(load_image(layout.image(group, m, subject), reference)) for m in members]
    maps = [layout.segmentation(group, m, subject) for m in members]
    labels = [plane(load_labels(path, reference.grid)) for path in maps]
    return cut(
        to_ras(reference.image, matrix)[:, :, height] / scale,
        np.stack(images) / scale,
        found[:, :, height],
        np.stack(labels).astype(np.int64),
        ras_voxel_size(matrix),
    )


def window(mask: np.ndarray, margin: np.ndarray) -> Ranges:
    """Return the ranges of both axes that hold a mask and a margin; all of an empty mask."""
    ranges = []
    for axis in (0, 1):
        inside = np.flatnonzero(mask.any(axis=1 - axis))
        first, last = (inside[0], inside[-1]) if len(inside) else (0, mask.shape[axis] - 1)
        ranges.append((int(first) - margin[axis], int(last) + 1 + margin[axis]))
    return _clip(ranges[0], mask.shape[0]), _clip(ranges[1], mask.shape[1])


def same_shape(small: Ranges, like: Ranges) -> Ranges:
    """Return ranges about the middle of `small` that hold it and have the proportions of `like`."""
    zoom = max((b - a) / (d - c) for (a, b), (c, d) in zip(small, like, strict=True))
    halves = [zoom * (d - c) / 2 for c, d in like]
    middles = [(a + b) / 2 for a, b in small]
    first, second = (
        (round(m - half), round(m + half)) for m, half in zip(middles, halves, strict=True)
    )
    return first, second


def _clip(ends: tuple[int, int], size: int) -> tuple[int, int]:
    return max(0, int(ends[0])), min(size, int(ends[1]))


def cut(
    reference: np.ndarray,
    images: np.ndarray,
    reference_labels: np.ndarray,
    labels: np.ndarray,
    voxel_size_mm: np.ndarray,
) -> Slice:
    """Put a slice together.

    Args:
        reference: (x, y) in units of white matter.
        images: (n_members, x, y) in the same unit.
        reference_labels: (x, y) FreeSurfer ids.
        labels: (n_members, x, y) FreeSurfer ids.
        voxel_size_mm: along (right, anterior, superior).
    """
    margins = [np.ceil(mm / voxel_size_mm[:2]).astype(int) for mm in (MARGIN_MM, ZOOM_MARGIN_MM)]
    head = window(reference_labels > 0, margins[0])
    return Slice(
        reference=reference,
        images=images,
        labels=labels,
        std=images.std(axis=0, ddof=1),
        aspect=float(voxel_size_mm[1] / voxel_size_mm[0]),
        head=head,
        zoom=same_shape(window(inside(reference_labels, DEEP), margins[1]), head),
    )


def draw(part: Slice, group: str, members: Sequence[int], subject: str) -> Figure:
    """Draw the members, below each less their mean; last reference, SD and contours.

    Args:
        part: the slice.
        group: the architecture.
        members: its seeds, for the titles.
        subject: the scan, for the title.
    """
    n_columns = max(len(members), 4)
    (x0, x1), (y0, y1) = part.head
    height = PANEL_INCHES * part.aspect * (y1 - y0) / (x1 - x0)
    with rc_context(RC):
        figure = new_figure((PANEL_INCHES + 0.1) * n_columns, 3 * height + 2.3)
        figure.get_layout_engine().set(rect=(0, 0.04, 1, 0.96), h_pad=0.05, hspace=0.06)  # type: ignore[union-attr, call-arg]  # constrained
        axes = figure.subplots(3, n_columns)
        for panel in axes.ravel():
            bare(panel)
        _members(axes[:2], part, members)
        _differences(figure, axes[1], part, len(members))
        _show(axes[2, 0], part.reference, part)
        axes[2, 0].set_title("fully sampled")
        _standard_deviation(figure, axes[2, 1], part)
        mean = part.images.mean(axis=0)
        for panel, ranges, name in (
            (axes[2, 2], part.head, "contours of the members"),
            (axes[2, 3], part.zoom, "enlarged"),
        ):
            _show(panel, mean, part, ranges)
            _outline(panel, part.labels, width=0.6 if panel is axes[2, 2] else 1.0)
            panel.set_title(name)
        figure.suptitle(f"{title(group)} ensemble, {subject}")
    return figure


def _members(axes: np.ndarray, part: Slice, members: Sequence[int]) -> None:
    for k, (panel, image) in enumerate(zip(axes[0], part.images, strict=False)):
        _show(panel, image, part)
        panel.set_title(f"member {members[k]}")
        look: dict[str, Any] = {"color": _colour(k), "linewidth": 3, "clip_on": False}
        panel.plot([0.15, 0.85], [1.015, 1.015], transform=panel.transAxes, **look)


def _differences(figure: Figure, axes: np.ndarray, part: Slice, n: int) -> None:
    """Draw every member less the mean of all, on one scale."""
    (x0, x1), (y0, y1) = part.head
    percent = 100 * (part.images - part.images.mean(axis=0))
    end = float(np.percentile(np.abs(percent[:, x0:x1, y0:y1]), BRIGHTEST)) or 1.0
    for panel, values in zip(axes, percent, strict=False):
        look: dict[str, Any] = {"cmap": "PuOr_r", "vmin": -end, "vmax": end}
        image = panel.imshow(values.T, origin="lower", aspect=part.aspect, **look)
        _limit(panel, part.head)
        panel.set_title("less the mean")
    _bar(figure, axes[n - 1], image, "both")


def _colour(member: int) -> str:
    return CONTOURS[member % len(CONTOURS)]


def _show(axes: Axes, image: np.ndarray, part: Slice, ranges: Ranges | None = None) -> None:
    white = float(np.percentile(part.reference, BRIGHTEST))
    axes.imshow(image.T, origin="lower", cmap="gray", vmin=0, vmax=white, aspect=part.aspect)
    _limit(axes, ranges or part.head)
    for x, side in ((0.05, "L"), (0.95, "R")):  # columns run from left to right
        look: dict[str, Any] = {"color": "white", "fontsize": 8, "ha": "center"}
        axes.text(x, 0.03, side, transform=axes.transAxes, **look)


def _limit(axes: Axes, ranges: Ranges) -> None:
    (x0, x1), (y0, y1) = ranges
    axes.set_xlim(x0 - 0.5, x1 - 0.5)
    axes.set_ylim(y0 - 0.5, y1 - 0.5)


def _standard_deviation(figure: Figure, axes: Axes, part: Slice) -> None:
    (x0, x1), (y0, y1) = part.head
    percent = 100 * part.std
    top = float(np.percentile(percent[x0:x1, y0:y1], BRIGHTEST)) or 1.0
    image = axes.imshow(
        percent.T, origin="lower", cmap="inferno", vmin=0, vmax=top, aspect=part.aspect
    )
    _limit(axes, part.head)
    axes.set_title("standard deviation")
    _bar(figure, axes, image, "max")


def _bar(figure: Figure, axes: Axes, image: AxesImage, beyond: str) -> None:
    """Draw the whole scale below a panel, inside its row, so that all panels keep one size."""
    place = axes.inset_axes((0.02, -0.07, 0.96, 0.04))
    bar = figure.colorbar(image, cax=place, orientation="horizontal", extend=beyond)
    low, high = image.get_clim()
    ticks = [low, (low + high) / 2, high]
    bar.set_ticks(ticks, labels=[number(value, 0) for value in ticks])
    bar.ax.tick_params(labelsize=8)
    bar.set_label("% of white matter", fontsize=8, labelpad=1)


def _outline(axes: Axes, labels: np.ndarray, width: float) -> None:
    to_left = np.arange(max(int(labels.max()), max(MERGED)) + 1)
    to_left[list(MERGED)] = list(MERGED.values())
    for member, plane in enumerate(labels):
        merged = to_left[plane]
        for entry in STRUCTURES:
            mask = np.isin(merged, entry.left)
            if entry.name in DEEP and mask.any() and not mask.all():
                look: dict[str, Any] = {"colors": [_colour(member)], "linewidths": width}
                axes.contour(mask.T.astype(float), [0.5], **look)


def caption(facts: Facts, group: str) -> str:
    """Return what is shown of whom."""
    n = min(facts.report.n_members, len(facts.members[group]))
    scan = next(iter(facts.subject_of))
    return (
        f"{counted(n, 'member')} of {title(group)} on one axial slice of {scan}, and each less the"
        " mean of all; last row: the fully sampled image, the members' standard deviation, and"
        " their contours in the colours above the members. In % of the median intensity of white"
        " matter; the last colours hold all that is beyond. L, R: left, right of the head. Where"
        " contours differ, volumes differ."
    )


def of_group(group: str) -> StudyFigure:
    """Return the figure of one ensemble."""
    return StudyFigure(
        "figure1",
        f"{title(group)}: members on one slice",
        f"Slices of the members of {title(group)}, which look alike; their standard deviation and"
        " contours.",
        partial(caption, group=group),
        partial(draw_group, group=group),
        questions=("surrogates",),
        good="Good: differences without anatomy in them, and contours that coincide.",
        vector=False,
    )


FIGURE = PerGroup(chosen, of_group)
