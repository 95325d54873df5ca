"""Heads with a pathology beside their healthy twins, and what the ensembles make of the change."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stages.figures.ensemble import ras_voxel_size, to_ras
from stages.figures.style import RC, bare, colour, new_figure, title
from stages.structures import structure
from stages.twins import KINDS

BRIGHTEST = 1.5  # white matter = 1
OUTLINE = "#E69F00"
REFERENCE_COLOUR = "#8C8C8C"
KIND_MARKERS = {"atrophy": "v", "lesions": "o"}
AXES = {"atrophy": 1, "lesions": 2}  # right, anterior, superior: a coronal and an axial plane


@dataclass(frozen=True)
class Plane:
    """A plane as shown: (height, width), white matter = 1, and what a pathology changed in it."""

    title: str
    image: np.ndarray
    changed: np.ndarray | None
    aspect: float


def twin_planes(
    kind: str,
    images: tuple[np.ndarray, np.ndarray],
    changed: np.ndarray,
    labels: np.ndarray,
    matrix: np.ndarray,
) -> list[Plane]:
    """Return a plane of the healthy twin and the same one of the head with a pathology.

    Coronal through the largest section of the hippocampus for atrophy, axial through that of the
    lesions.

    Args:
        kind: one of `twins.KINDS`.
        images: healthy, with the pathology, (i, j, k), white matter = 1.
        changed: mask of what the pathology changed, (i, j, k).
        labels: FreeSurfer ids of the healthy twin, (i, j, k).
        matrix: (4, 4) voxel to world, RAS+, mm.
    """
    axis = AXES[kind]
    mask = to_ras(changed, matrix) != 0
    seen = np.isin(to_ras(labels, matrix), structure("hippocampus").labels)
    wanted = seen if kind == "atrophy" and seen.any() else mask
    others = tuple(other for other in range(3) if other != axis)
    index = int(np.argmax(wanted.sum(axis=others)))
    sizes = np.delete(ras_voxel_size(matrix), axis)
    aspect = float(sizes[1] / sizes[0])
    healthy, ill = (to_ras(image, matrix).take(index, axis).T for image in images)
    outline = mask.take(index, axis).T
    return [Plane("healthy", healthy, None, aspect), Plane(kind, ill, outline, aspect)]


def pathology_figure(
    cells: pd.DataFrame, voxels: pd.DataFrame, groups: Sequence[str], planes: Sequence[Plane]
) -> Figure:
    """Draw twins, their changes of volume, and whether deviation grows as error does.

    Args:
        cells: columns group, kind, structure, true_change, measured_change, affected, cv_ratio,
            error_ratio, as in plots/pathology.csv.
        voxels: columns group, kind, error_ratio, std_ratio, as in work/pathology/voxels.csv.
        groups: the architectures.
        planes: shown above; none for a cohort without twins, whose figure says so.
    """
    with rc_context(RC):
        if not planes:
            return _nothing()
        figure = new_figure(3.3 * 3, 6.6)
        above, below = figure.subfigures(2, 1, height_ratios=(1, 1.05))
        for panel, plane in zip(above.subplots(1, len(planes)), planes, strict=True):
            _picture(panel, plane)
        left, middle, right = below.subplots(1, 3)
        _changes(left, cells.dropna(subset=["true_change", "measured_change"]), groups)
        affected = cells[cells["affected"] == 1]
        _ratios(middle, affected.rename(columns={"cv_ratio": "std_ratio"}), groups)
        middle.set(title="Volumes of affected structures", ylabel="CV, ill / healthy twin")
        _ratios(right, voxels, groups)
        right.set(title="Affected voxels", ylabel="deviation, ill / healthy twin")
        below.legend(handles=_handles(groups, cells), loc="outside lower center", ncols=6)
    return figure


def _nothing() -> Figure:
    figure = new_figure(6.0, 3.2)
    text = "No scan with a pathology in this cohort.\nSet phantom.pathology.heads to have some."
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=11)
    return figure


def _picture(panel: Axes, plane: Plane) -> None:
    panel.imshow(
        plane.image, origin="lower", cmap="gray", vmin=0, vmax=BRIGHTEST, aspect=plane.aspect
    )
    if plane.changed is not None and plane.changed.any():
        panel.contour(plane.changed.astype(float), [0.5], colors=[OUTLINE], linewidths=0.6)
    panel.set_title(plane.title)
    bare(panel)


def _changes(axes: Axes, cells: pd.DataFrame, groups: Sequence[str]) -> None:
    """Measured against true changes of volume; the diagonal is what a perfect measurement shows."""
    shown = cells[cells["affected"] == 1]
    for group in ("reference", *groups):
        own = shown[shown["group"] == group]
        for kind, part in own.groupby("kind", sort=False):
            style = {"color": _tint(group, groups), "marker": KIND_MARKERS[kind]}
            axes.plot(
                part["true_change"], part["measured_change"], ls="", ms=4.5, alpha=0.8, **style
            )
    ends = np.array(axes.get_xlim())
    axes.plot(ends, ends, "--", color="black", linewidth=1.0)
    axes.axhline(0, color="#CCCCCC", linewidth=0.8, zorder=0)
    axes.set(title="Change of volume", xlabel="true change (%)", ylabel="measured change (%)")


def _ratios(axes: Axes, table: pd.DataFrame, groups: Sequence[str]) -> None:
    """Deviation against error, each relative to the healthy twin's, on logarithmic axes."""
    known = table.dropna(subset=["error_ratio", "std_ratio"])
    known = known[(known["error_ratio"] > 0) & (known["std_ratio"] > 0)]
    for group in groups:
        for kind, part in known[known["group"] == group].groupby("kind", sort=False):
            style = {"color": _tint(group, groups), "marker": KIND_MARKERS[kind]}
            axes.plot(part["error_ratio"], part["std_ratio"], ls="", ms=4.5, alpha=0.8, **style)
    axes.set(xscale="log", yscale="log", xlabel="error, ill / healthy twin")
    values = known[known["group"].isin(groups)][["error_ratio", "std_ratio"]].to_numpy()
    if not len(values):
        return
    low, high = min(values.min(), 1) / 1.3, max(values.max(), 1) * 1.3
    axes.plot([low, high], [low, high], "--", color="black", linewidth=1.0)
    for line in (axes.axhline, axes.axvline):
        line(1, color="#CCCCCC", linewidth=0.8, zorder=0)
    axes.set(xlim=(low, high), ylim=(low, high))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 100 else (1,)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _tint(group: str, groups: Sequence[str]) -> str:
    return REFERENCE_COLOUR if group == "reference" else colour(group, groups)


def _handles(groups: Sequence[str], cells: pd.DataFrame) -> list[Line2D]:
    kinds = [kind for kind in KINDS if kind in set(cells["kind"])]
    titles = {"reference": "Fully sampled"} | {group: title(group) for group in groups}
    patches = [
        Line2D([], [], ls="", marker="s", color=_tint(group, groups), label=name)
        for group, name in titles.items()
    ]
    return patches + [
        Line2D([], [], ls="", marker=KIND_MARKERS[kind], color="black", label=kind)
        for kind in kinds
    ]
