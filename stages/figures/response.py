"""Acceleration against image quality, volumes, and how well their variability is predicted."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title

MARKERS = "osD^vP"


@dataclass(frozen=True)
class Quantity:
    """A number of the study that a group has."""

    file: str
    """In metrics/analyse/, without suffix."""
    key: str
    """Dotted, below the group's."""
    label: str


QUANTITIES = {
    "psnr": Quantity("image_quality", "psnr.mean", "PSNR (dB)"),
    "ssim": Quantity("image_quality", "ssim.mean", "SSIM"),
    "cv": Quantity("volumes", "cv.median", "coefficient of variation (%),\nmedian of all volumes"),
    "bias": Quantity("volumes", "bias.hippocampus", "bias of the hippocampus (%)"),
    "r2_images": Quantity("surrogates", "std_mean.pooled_r2", "R² of ln CV\nfrom the mean SD"),
    "r2_border": Quantity(
        "surrogates", "linearised_volume.pooled_r2", "R² of ln CV\nfrom the linearised volume"
    ),
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw each quantity against acceleration, one line a group.

    Args:
        table: columns acceleration, group, quantity, value, at least two accelerations.
    """
    groups = list(dict.fromkeys(table["group"]))
    with rc_context(RC):
        figure = new_figure(11, 6.4)
        for axes, (name, quantity) in zip(
            figure.subplots(2, 3).flat, QUANTITIES.items(), strict=True
        ):
            _panel(axes, table[table["quantity"] == name], groups)
            axes.set_title(quantity.label)
        lines = {text: line for axes in figure.axes for line, text in _legend(axes)}
        figure.legend(
            lines.values(), lines.keys(), loc="outside lower center", ncols=max(len(lines), 1)
        )
    return figure


def _panel(axes: Axes, table: pd.DataFrame, groups: list[str]) -> None:
    for position, group in enumerate(groups):
        part = table[table["group"] == group]
        if len(part):
            axes.plot(
                part["acceleration"],
                part["value"],
                marker=MARKERS[position % len(MARKERS)],
                color=colour(group, groups),
                label=title(group),
            )
    axes.set_xlabel("acceleration R")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _legend(axes: Axes) -> list[tuple[Any, ...]]:
    return list(zip(*axes.get_legend_handles_labels(), strict=True))
