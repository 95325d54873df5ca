"""One scan in three planes: a reconstruction, its error, the SD of the members, and contours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from stages.figures.kit.planes import outline, three_planes
from stages.figures.kit.style import RC, bare, new_figure

# direction that a plane is looked at along -> axis of (right, anterior, superior), its ends
PLANES = {"axial": (2, "LR"), "coronal": (1, "LR"), "sagittal": (0, "PA")}
STANDARD_DEVIATION = "SD of members"
SMALLEST = 9  # points: of all lettering here
PANEL_INCHES, TITLE_INCHES, BAR_INCHES = 1.75, 0.3, 0.5


@dataclass(frozen=True)
class Cuts:
    """Three planes of one volume, in the order of `PLANES`."""

    axial: np.ndarray
    """(width, height), as the planes below."""
    coronal: np.ndarray
    sagittal: np.ndarray

    def all(self) -> tuple[np.ndarray, ...]:
        """The planes in the order of `PLANES`."""
        return self.axial, self.coronal, self.sagittal


@dataclass(frozen=True)
class Where:
    """Which planes of a scan are shown."""

    indices: tuple[int, int, int]
    """In the order of `PLANES`."""
    voxel_size_mm: np.ndarray
    """Along (right, anterior, superior)."""

    def aspect(self, plane: str) -> float:
        """Return the height of a voxel by its width in a plane."""
        axis, _ = PLANES[plane]
        width, height = (size for k, size in enumerate(self.voxel_size_mm) if k != axis)
        return float(height / width)

    def proportion(self, plane: str, image: np.ndarray) -> float:
        """Return the height of a whole plane by its width."""
        width, height = image.shape
        return self.aspect(plane) * height / width


@dataclass(frozen=True)
class Scales:
    """Upper ends of the scales, the same for all groups of a scan, in units of white matter."""

    white: float
    """Intensity that is drawn in white."""
    error: float
    std: float


def where(labels: np.ndarray, voxel_size_mm: np.ndarray) -> Where:
    """Return planes that show the deep structures; the middle ones without labels.

    Args:
        labels: (right, anterior, superior) FreeSurfer ids.
        voxel_size_mm: in the same order.
    """
    return Where(three_planes(labels), voxel_size_mm)


def cuts(volume: np.ndarray, at: Where) -> Cuts:
    """Return the three planes of a volume (right, anterior, superior)."""
    axes = [axis for axis, _ in PLANES.values()]
    return Cuts(*(volume.take(i, a) for a, i in zip(axes, at.indices, strict=True)))


def reference_figure(image: Cuts, labels: Cuts, at: Where, scales: Scales) -> Figure:
    """Draw the fully sampled scan: planes above, with contours below."""
    shapes = [at.proportion(*pair) for pair in zip(PLANES, image.all(), strict=True)]
    widths = [PANEL_INCHES / shape for shape in shapes]
    with rc_context(RC):
        figure = new_figure(sum(widths), 2 * PANEL_INCHES + 0.3)
        panels = figure.subplots(2, len(PLANES), width_ratios=widths)
        for k, plane in enumerate(PLANES):
            for panel in panels[:, k]:
                _gray(panel, image.all()[k], plane, at, scales)
            panels[0, k].set_title(plane)
            outline(panels[1, k], labels.all()[k], 0.7)
    return figure


def group_figure(
    reference: Cuts, images: Sequence[Cuts], labels: Sequence[Cuts], at: Where, scales: Scales
) -> Figure:
    """Draw a row a plane: first member, its error, SD of the members, all contours.

    Args:
        reference: the fully sampled scan, in units of white matter.
        images: one entry a member, in the same unit.
        labels: one entry a member.
        at: the planes.
        scales: ends of the scales.
    """
    maps = ["error", STANDARD_DEVIATION] if len(images) > 1 else ["error"]
    heads = ["reconstruction", *maps, "outlines"]
    shapes = [at.proportion(*pair) for pair in zip(PLANES, reference.all(), strict=True)]
    heights = [PANEL_INCHES * shape for shape in shapes]
    height = sum(heights) + TITLE_INCHES + BAR_INCHES
    with rc_context(RC):
        figure = new_figure(PANEL_INCHES * len(heads) + 0.2, height)
        panels = figure.subplots(len(PLANES), len(heads), height_ratios=heights)
        for k, plane in enumerate(PLANES):
            stack = np.stack([image.all()[k] for image in images])
            found = [member.all()[k] for member in labels]
            row = dict(zip(heads, panels[k], strict=True))
            drawn = _row(row, stack, reference.all()[k], found, (plane, at, scales))
            row["reconstruction"].set_ylabel(plane)
        for head, panel in zip(heads, panels[0], strict=True):
            panel.set_title(head)
        for head, image in drawn.items():
            place = panels[-1, heads.index(head)].inset_axes((0.05, -0.1, 0.9, 0.05))
            bar = figure.colorbar(image, cax=place, orientation="horizontal")
            bar.set_label("% of white matter", fontsize=SMALLEST)
            bar.ax.tick_params(labelsize=SMALLEST)
    return figure


def _row(
    row: dict[str, Axes],
    stack: np.ndarray,
    reference: np.ndarray,
    labels: Sequence[np.ndarray],
    view: tuple[str, Where, Scales],
) -> dict[str, AxesImage]:
    """Draw one plane of a group, and return its coloured maps by the heads of their columns."""
    plane, at, scales = view
    _gray(row["reconstruction"], stack[0], plane, at, scales)
    error = row["error"]
    ends = -100 * scales.error, 100 * scales.error
    maps = {"error": _map(error, 100 * (stack[0] - reference), "PuOr_r", ends, at.aspect(plane))}
    if STANDARD_DEVIATION in row:
        std = 100 * stack.std(axis=0, ddof=1)
        ends = 0.0, 100 * scales.std
        panel = row[STANDARD_DEVIATION]
        maps[STANDARD_DEVIATION] = _map(panel, std, "inferno", ends, at.aspect(plane))
    _gray(row["outlines"], stack.mean(axis=0), plane, at, scales)
    for found in labels:
        outline(row["outlines"], found, 0.45)
    return maps


def _gray(panel: Axes, image: np.ndarray, plane: str, at: Where, scales: Scales) -> None:
    panel.imshow(
        image.T, origin="lower", cmap="gray", vmin=0, vmax=scales.white, aspect=at.aspect(plane)
    )
    bare(panel)
    for x, end in zip((0.04, 0.96), PLANES[plane][1], strict=True):
        place: dict[str, Any] = {"ha": "center", "transform": panel.transAxes, "fontsize": SMALLEST}
        panel.text(x, 0.03, end, color="white", **place)


def _map(
    panel: Axes, values: np.ndarray, cmap: str, ends: tuple[float, float], aspect: float
) -> AxesImage:
    bare(panel)
    low, high = ends
    return panel.imshow(values.T, origin="lower", cmap=cmap, aspect=aspect, vmin=low, vmax=high)
