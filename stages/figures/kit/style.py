"""What all figures share: colours, names, size of type, and files that are the same bytes twice."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from stages.storage.files import atomic_path
from stages.study.structures import STRUCTURES

DPI = 110  # dots per inch
SMALLEST = 8  # points: no lettering is smaller, so that the page can keep all of it legible
# colours that the colour-blind tell apart: Okabe and Ito 2008, https://jfly.uni-koeln.de/color
COLOURS = {
    "unet": "#E69F00",
    "varnet": "#0072B2",
    "rim": "#009E73",
    "noise": "#8C8C8C",
    "zero_filled": "#000000",
    "compressed_sensing": "#56B4E9",
}
SPARE = ("#CC79A7", "#D55E00", "#F0E442")
TITLES = {
    "unet": "UNet",
    "varnet": "VarNet",
    "rim": "RIM",
    "noise": "Noise",
    "zero_filled": "Zero-filled",
    "compressed_sensing": "Compressed sensing",
    "per_structure_mean": "Mean over structures",
    "pooled": "Pooled",
    "within_structure": "Within structures",
}
STRUCTURE_TITLES = {entry.name: entry.title for entry in STRUCTURES}
# estimates of the R^2 that a perfect predictor would reach
CEILINGS = {"split_half": "ceiling, two halves", "analytic": "ceiling, analytic"}
Ceilings = dict[tuple[str, str], tuple[float, float, float]]
RC = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs everywhere
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def colour(group: str, groups: Sequence[str] = ()) -> str:
    """Return a group's colour; groups without one of their own take a spare by their position."""
    if group in COLOURS:
        return COLOURS[group]
    others = [name for name in groups if name not in COLOURS]
    return SPARE[others.index(group) % len(SPARE)] if group in others else SPARE[0]


def title(name: str) -> str:
    """Return the printed name of a group, a structure or a scope."""
    return TITLES.get(name) or STRUCTURE_TITLES.get(name) or name.replace("_", " ").capitalize()


def ceilings(inference: pd.DataFrame) -> Ceilings:
    """Return scope and estimate (`CEILINGS`) -> ceiling of R^2 and the ends of its interval.

    Args:
        inference: columns scope, statistic, estimate, value, low, high of one group, as in
            plots/inference.csv.

    Returns:
        Ceilings that are defined; ends NaN where there is no interval.
    """
    chosen = inference[(inference["statistic"] == "ceiling") & np.isfinite(inference["value"])]
    columns = ["scope", "estimate", "value", "low", "high"]
    rows = chosen[columns].itertuples(index=False)
    return {(scope, name): (value, low, high) for scope, name, value, low, high in rows}


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, in the study's style."""
    with rc_context(RC):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a PNG without time or version, so that the same figure is the same bytes."""
    with atomic_path(path) as temporary, rc_context(RC):
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})


def bare(axes: Axes) -> None:
    """Take ticks and frame off an image."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
