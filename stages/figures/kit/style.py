"""The look of all figures: colours of groups and size of type; how their files are written."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from stages.storage.files import atomic_path

DPI = 110  # dots per inch
SMALLEST = 8  # points: no lettering is smaller, so that the HTML report can keep it legible
# colours that the colour-blind tell apart: Okabe and Ito 2008, https://jfly.uni-koeln.de/color
COLOURS = {
    "unet": "#E69F00",
    "varnet": "#0072B2",
    "rim": "#009E73",
    "noise": "#5F5F5F",
    "zero_filled": "#000000",
    "compressed_sensing": "#56B4E9",
}
SPARE = ("#CC79A7", "#D55E00", "#F0E442")
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


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, in the study's style."""
    with rc_context(RC):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path, *, vector: bool = False) -> None:
    """Write a PNG, without time or version, so that the same figure is the same bytes.

    Args:
        figure: what is drawn.
        path: of the PNG.
        vector: write an SVG beside it, too.
    """
    with atomic_path(path) as temporary, rc_context(RC):
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
    if vector:
        drawn = rc_context(RC | {"svg.hashsalt": path.stem})
        with atomic_path(path.with_suffix(".svg")) as temporary, drawn:
            figure.set_layout_engine("none")  # everything stays where the PNG has it
            figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})


def bare(axes: Axes) -> None:
    """Remove ticks and frame from an image."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
