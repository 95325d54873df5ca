"""Figure 1: members of one ensemble on one slice, their deviation and their outlines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from nibabel.orientations import apply_orientation, io_orientation

from stages.figures.kit.style import RC, bare, new_figure, title
from stages.study.structures import MERGED, STRUCTURES

# structures that differ visibly and share an axial slice
OUTLINED = ("thalamus", "caudate", "putamen", "pallidum", "lateral_ventricle", "hippocampus")
MARGIN_MM = 8.0  # around the head's labels
ZOOM_MARGIN_MM = 4.0  # around the outlined structures
BRIGHTEST = 99.5  # percentile of the slice drawn in white


@dataclass(frozen=True)
class Slice:
    """One axial slice of an ensemble, (right, anterior) axes, intensities in units of white matter.

    reference: (x, y); images, labels: (n_members, x, y); std: (x, y), ddof = 1;
    aspect: height of a voxel by its width; head, zoom: ranges ((x0, x1), (y0, y1)) to show.
    """

    reference: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    std: np.ndarray
    aspect: float
    head: tuple[tuple[int, int], tuple[int, int]]
    zoom: tuple[tuple[int, int], tuple[int, int]]


def to_ras(data: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Reorder the axes of a volume to (right, anterior, superior).

    Args:
        data: (i, j, k).
        matrix: (4, 4) voxel-to-world affine, RAS+.
    """
    return apply_orientation(data, io_orientation(matrix))


def ras_voxel_size(matrix: np.ndarray) -> np.ndarray:
    """Return the voxel size along (right, anterior, superior), mm."""
    orientation = io_orientation(matrix)
    sizes = np.empty(3)
    sizes[orientation[:, 0].astype(int)] = np.linalg.norm(matrix[:3, :3], axis=0)
    return sizes


def outlined(labels: np.ndarray) -> np.ndarray:
    """Return where the outlined structures are."""
    ids = [label for s in STRUCTURES if s.name in OUTLINED for label in s.labels]
    return np.isin(labels, ids)


def best_slice(labels: np.ndarray) -> int:
    """Return the axial slice with most voxels of the outlined structures, else the middle one.

    Args:
        labels: (right, anterior, superior).
    """
    counts = outlined(labels).sum(axis=(0, 1))
    return int(np.argmax(counts)) if counts.any() else labels.shape[2] // 2


def window(mask: np.ndarray, margin: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the ranges of both axes that hold a mask and a margin; all of an empty mask."""
    ranges = []
    for axis in (0, 1):
        inside = np.flatnonzero(mask.any(axis=1 - axis))
        first, last = (inside[0], inside[-1]) if len(inside) else (0, mask.shape[axis] - 1)
        ranges.append((int(first) - margin[axis], int(last) + 1 + margin[axis]))
    return _clip(ranges[0], mask.shape[0]), _clip(ranges[1], mask.shape[1])


def same_shape(
    small: tuple[tuple[int, int], tuple[int, int]], like: tuple[tuple[int, int], tuple[int, int]]
) -> tuple[tuple[int, int], tuple[int, int]]:
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
        zoom=same_shape(window(outlined(reference_labels), margins[1]), head),
    )


def draw(part: Slice, group: str, members: Sequence[int], subject: str) -> Figure:
    """Draw the members above; reference, deviation and outlines below.

    Args:
        part: the slice.
        group: the architecture.
        members: its seeds, for the titles.
        subject: the scan, for the title.
    """
    n_columns = max(len(members), 4)
    with rc_context(RC):
        figure = new_figure(2.55 * n_columns, 6.6)
        figure.get_layout_engine().set(rect=(0, 0.04, 1, 0.96), h_pad=0.08)
        axes = figure.subplots(2, n_columns)
        white = float(np.percentile(part.reference, BRIGHTEST))
        for panel in axes.ravel():
            bare(panel)
        colours = colormaps["Set1"].colors
        for k, (panel, image) in enumerate(zip(axes[0], part.images, strict=False)):
            _show(panel, image, part, white)
            panel.set_title(f"member {members[k]}", color=colours[k % len(colours)])
        _show(axes[1, 0], part.reference, part, white)
        axes[1, 0].set_title("fully sampled")
        _deviation(figure, axes[1, 1], part)
        mean = part.images.mean(axis=0)
        for panel, ranges, name in (
            (axes[1, 2], part.head, "outlines of the members"),
            (axes[1, 3], part.zoom, "enlarged"),
        ):
            _show(panel, mean, part, white, ranges)
            _outline(panel, part.labels, colours, width=0.5 if panel is axes[1, 2] else 0.9)
            panel.set_title(name)
        figure.suptitle(f"{title(group)} ensemble, {subject}")
    return figure


def _show(
    axes: Axes,
    image: np.ndarray,
    part: Slice,
    white: float,
    ranges: tuple[tuple[int, int], tuple[int, int]] | None = None,
) -> None:
    axes.imshow(image.T, origin="lower", cmap="gray", vmin=0, vmax=white, aspect=part.aspect)
    _limit(axes, ranges or part.head)


def _limit(axes: Axes, ranges: tuple[tuple[int, int], tuple[int, int]]) -> None:
    (x0, x1), (y0, y1) = ranges
    axes.set_xlim(x0 - 0.5, x1 - 0.5)
    axes.set_ylim(y0 - 0.5, y1 - 0.5)


def _deviation(figure: Figure, axes: Axes, part: Slice) -> None:
    (x0, x1), (y0, y1) = part.head
    percent = 100 * part.std
    top = float(np.percentile(percent[x0:x1, y0:y1], BRIGHTEST))
    image = axes.imshow(
        percent.T, origin="lower", cmap="inferno", vmin=0, vmax=top, aspect=part.aspect
    )
    _limit(axes, part.head)
    axes.set_title("standard deviation")
    # inside the panel's own row, so that all panels keep one size
    bar = figure.colorbar(
        image, cax=axes.inset_axes((0.1, -0.07, 0.8, 0.04)), orientation="horizontal"
    )
    bar.set_label("% of white matter", fontsize=8)


def _outline(axes: Axes, labels: np.ndarray, colours: Sequence, width: float) -> None:
    to_left = np.arange(max(int(labels.max()), max(MERGED)) + 1)
    to_left[list(MERGED)] = list(MERGED.values())
    for member, plane in enumerate(labels):
        merged = to_left[plane]
        for entry in STRUCTURES:
            mask = np.isin(merged, entry.left)
            if entry.name in OUTLINED and mask.any() and not mask.all():
                colour = [colours[member % len(colours)]]
                axes.contour(mask.T.astype(float), [0.5], colors=colour, linewidths=width)
