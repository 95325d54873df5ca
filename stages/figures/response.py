"""Acceleration against image quality, volumes, and how well their variability is predicted."""

from typing import Any, NamedTuple

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.figures.kit.dots import marker
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title

SHIFT = 0.06  # of the acceleration, between groups


class Quantity(NamedTuple):
    """An estimate that the study has of a group."""

    file: str
    """In metrics/analyse/, without suffix."""
    keys: tuple[str, ...]
    """The group stands at `{}`; the last names the number, beside which ends of an interval are."""
    label: str
    neutral: float | None = None
    """What it is where there is no relation, or where all is as it should be."""


OWN = "{}"  # the place of a group
QUANTITIES = {
    "psnr": Quantity("image_quality", (OWN, "psnr", "mean"), "PSNR (dB)"),
    "ssim": Quantity("image_quality", (OWN, "ssim", "mean"), "SSIM"),
    "dice": Quantity("overlap", (OWN, "dice", "median"), "Dice with the fully sampled scan"),
    "cv": Quantity("volumes", (OWN, "cv", "median"), "median CV of volumes (%)"),
    "absolute_bias": Quantity(
        "volumes", (OWN, "absolute_bias", "median"), "median absolute bias (%)"
    ),
    "thickness_cv": Quantity(
        "thickness", (OWN, "cv", "median"), "median CV of cortical\nthickness (%)"
    ),
    "slope_cv": Quantity(
        "slopes",
        (OWN, "cv", "std_mean", "within", "value"),
        "slope of ln CV on ln SD\nwithin structures (primary)",
        neutral=0.0,
    ),
    "slope_bias": Quantity(
        "slopes",
        (OWN, "bias", "std_mean", "within", "value"),
        "slope of ln |bias| on ln SD\nwithin structures",
        neutral=0.0,
    ),
    "spread_skill": Quantity(
        "calibration",
        ("reference", OWN, "spread_skill", "value"),
        "spread over error\n(1: calibrated)",
        neutral=1.0,
    ),
    "r2_cv": Quantity(
        "kinds",
        (OWN, "predicts", "ensemble_cv", "sd", "within_structure", "r2"),
        "R² of the CV by the SD,\nsubjects left out",
        neutral=0.0,
    ),
    "r2_bias": Quantity(
        "kinds",
        (OWN, "predicts", "bias_reference", "sd", "within_structure", "r2"),
        "R² of |bias| by the SD,\nsubjects left out",
        neutral=0.0,
    ),
    "r2_in_sample": Quantity(
        "prediction", (OWN, "r2", "histogram"), "R² in sample of the CV,\nas published"
    ),
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw each quantity against acceleration, one line a group, with its intervals.

    Args:
        table: columns acceleration, group, quantity, value, low, high; at least two accelerations.
    """
    groups = list(dict.fromkeys(table["group"]))
    with rc_context(RC):
        figure = new_figure(11, 12)
        for axes, (name, quantity) in zip(
            figure.subplots(4, 3).flat, QUANTITIES.items(), strict=True
        ):
            _panel(axes, table[table["quantity"] == name], groups)
            axes.set_title(quantity.label)
            if quantity.neutral is not None:
                axes.axhline(quantity.neutral, color="0.5", linewidth=0.8, zorder=0)
        lines = {text: line for axes in figure.axes for line, text in _legend(axes)}
        figure.legend(
            lines.values(), lines.keys(), loc="outside lower center", ncols=max(len(lines), 1)
        )
    return figure


def _panel(axes: Axes, table: pd.DataFrame, groups: list[str]) -> None:
    for position, group in enumerate(groups):
        part = table[table["group"] == group]
        if len(part):
            # beside each other, for intervals of groups not to hide one another
            shift = SHIFT * (position - (len(groups) - 1) / 2)
            value = part["value"]
            axes.errorbar(
                part["acceleration"] + shift,
                value,
                yerr=[(value - part["low"]).fillna(0.0), (part["high"] - value).fillna(0.0)],
                elinewidth=0.8,
                marker=marker(group, groups),
                color=colour(group, groups),
                label=title(group),
            )
    axes.set_xlabel("acceleration R")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _legend(axes: Axes) -> list[tuple[Any, ...]]:
    return list(zip(*axes.get_legend_handles_labels(), strict=True))
