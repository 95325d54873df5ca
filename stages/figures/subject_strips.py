"""One axial slice of a subject: a reconstruction, its error, the SD of the members, their contours.

The panels are of one size and in the same place of each image, so that a reconstruction and the
fully sampled image can take each other's place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.figures.figure1 import Ranges
from stages.figures.kit.planes import outline
from stages.figures.kit.style import RC, bare, new_figure
from stages.figures.scan_planes import SMALLEST, Scales

PANEL_INCHES, TITLE_INCHES, BAR_INCHES = 2.3, 0.27, 0.5
GAP_INCHES = 0.06


@dataclass(frozen=True)
class View:
    """What all images of a subject share."""

    ranges: Ranges
    """Part of the slice that is shown."""
    aspect: float
    """Height of a voxel by its width."""
    scales: Scales

    def height(self) -> float:
        """Return the height of a panel, inches."""
        (x0, x1), (y0, y1) = self.ranges
        return PANEL_INCHES * self.aspect * (y1 - y0) / (x1 - x0)


def image_figure(image: np.ndarray, name: str, view: View) -> Figure:
    """Draw one image (x, y), in units of white matter."""
    figure, (panel,) = _panels([name], view, 0.0)
    _gray(panel, image, view)
    return figure


def maps_figure(
    reference: np.ndarray, images: np.ndarray, labels: Sequence[np.ndarray], view: View
) -> Figure:
    """Draw the error of the first member, the SD of all, and the contours of all.

    Args:
        reference: (x, y) in units of white matter.
        images: (n_members, x, y) in the same unit; the SD is left out of one.
        labels: a plane (x, y) of FreeSurfer ids a member.
        view: of the subject.
    """
    n = len(images)
    heads = ["error", *(["SD of the members"] if n > 1 else []), f"contours of {n}"]
    figure, panels = _panels(heads, view)
    error, std = 100 * view.scales.error, 100 * view.scales.std
    _map(figure, panels[0], 100 * (images[0] - reference), "PuOr_r", (-error, error), view)
    if n > 1:
        spread = 100 * images.std(axis=0, ddof=1)
        _map(figure, panels[1], spread, "inferno", (0.0, std), view)
    _gray(panels[-1], images.mean(axis=0), view)
    for plane in labels:
        outline(panels[-1], plane, 0.6)
    return figure


def _panels(
    heads: Sequence[str], view: View, below: float = BAR_INCHES
) -> tuple[Figure, list[Axes]]:
    """Return panels side by side, each with its title above and room below (inches)."""
    width = len(heads) * (PANEL_INCHES + GAP_INCHES)
    height = view.height() + TITLE_INCHES + below
    panels = []
    with rc_context(RC):
        figure = new_figure(width, height)
        figure.set_layout_engine("none")
        for k, head in enumerate(heads):
            left = (k * (PANEL_INCHES + GAP_INCHES) + GAP_INCHES / 2) / width
            box = (left, below / height, PANEL_INCHES / width, view.height() / height)
            panel = figure.add_axes(box)
            bare(panel)
            panel.set_title(head)
            panels.append(panel)
    return figure, panels


def _gray(panel: Axes, image: np.ndarray, view: View) -> None:
    panel.imshow(
        image.T, origin="lower", cmap="gray", vmin=0, vmax=view.scales.white, aspect=view.aspect
    )
    _limit(panel, view)
    for x, side in ((0.05, "L"), (0.95, "R")):
        panel.text(
            *(x, 0.03, side),
            color="white",
            ha="center",
            fontsize=SMALLEST,
            transform=panel.transAxes,
        )


def _map(
    figure: Figure,
    panel: Axes,
    values: np.ndarray,
    cmap: str,
    ends: tuple[float, float],
    view: View,
) -> None:
    low, high = ends
    image = panel.imshow(
        values.T, origin="lower", cmap=cmap, vmin=low, vmax=high, aspect=view.aspect
    )
    _limit(panel, view)
    place = panel.inset_axes((0.1, -0.06, 0.8, 0.035))
    with rc_context(RC):
        bar = figure.colorbar(
            image, cax=place, orientation="horizontal", extend="both" if low else "max"
        )
        bar.set_label("% of white matter", fontsize=SMALLEST, labelpad=1)
        bar.ax.tick_params(labelsize=SMALLEST, pad=1)


def _limit(panel: Axes, view: View) -> None:
    (x0, x1), (y0, y1) = view.ranges
    panel.set_xlim(x0 - 0.5, x1 - 0.5)
    panel.set_ylim(y0 - 0.5, y1 - 0.5)
