"""How well the bundled segmentation network measures: phantoms, real heads, diseases."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import listed, number
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, new_figure
from stages.figures.kit.titles import title

ROW_INCHES = 0.27
MEASURES = {
    "dice": "Dice",
    "volume_error": "mean absolute volume error (%)",
    "shift_cv": "CV of places on the voxel grid (%)",
}
PHANTOMS, ZERO_FILLED, MAPS = "phantoms", "phantoms, zero-filled", "real heads left out"
LOOKS = {PHANTOMS: ("o", "#0072B2"), ZERO_FILLED: ("s", "#8C8C8C"), MAPS: ("D", "#D55E00")}
"""Marker and colour."""
ILL = (("v", "#CC79A7"), ("P", "#009E73"), ("*", "#000000"), ("X", "#56B4E9"))
"""Of diseases; Okabe and Ito's colours less the yellow, which is faint on white."""
Rows = Mapping[str, Mapping[str, float]]
"""Structure -> what was measured -> value."""


def results(facts: Facts) -> dict[str, Rows]:
    """Return what was measured of each structure, kind of images by kind; those that there are."""
    found = {
        PHANTOMS: facts.get("segmenter", "structures"),
        ZERO_FILLED: facts.get("segmenter", "undersampled", "structures"),
        MAPS: facts.get("maps", "structures"),
    }
    for kind, content in (facts.get("diseases") or {}).items():
        found[kind] = content["structures"]
    return {name: rows for name, rows in found.items() if rows}


def read_and_draw(facts: Facts) -> Figure:
    """Draw what was measured of all kinds of images."""
    return draw(results(facts), facts.structures)


def draw(found: Mapping[str, Rows], structures: Sequence[str]) -> Figure:
    """Draw a panel for each of `MEASURES`, a row a structure, a marker a kind of images.

    Args:
        found: kind of images -> its rows.
        structures: in the order of the rows, from the top.
    """
    with rc_context(RC):
        figure = new_figure(11.0, max(3.6, 1.8 + ROW_INCHES * len(structures)))
        panels = figure.subplots(1, len(MEASURES), sharey=True)
        for axes, measure in zip(panels, MEASURES, strict=True):
            _panel(axes, found, structures, measure)
        panels[0].set_yticks(range(len(structures)), [title(name) for name in structures])
        panels[0].invert_yaxis()
        marks, names = panels[0].get_legend_handles_labels()
        figure.legend(marks, names, loc="outside lower center", ncols=4, fontsize=8)
    return figure


def _panel(axes: Axes, found: Mapping[str, Rows], structures: Sequence[str], measure: str) -> None:
    looks = _looks(found)
    for kind, rows in found.items():
        shown = [name for name in structures if measure in rows.get(name, {})]
        marker, shade = looks[kind]
        axes.plot(
            [rows[name][measure] for name in shown],
            [structures.index(name) for name in shown],
            marker,
            color=shade,
            ms=5.0 if kind in LOOKS else 4.5,
            mew=0,
            label=kind if kind in LOOKS else f"phantoms, {kind}",
        )
    axes.set_xlabel(MEASURES[measure])
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)
    if measure != "dice":
        axes.set_xlim(left=0)


def _looks(kinds: Iterable[str]) -> dict[str, tuple[str, str]]:
    diseases = [kind for kind in kinds if kind not in LOOKS]
    return LOOKS | {kind: ILL[n % len(ILL)] for n, kind in enumerate(diseases)}


def caption(facts: Facts) -> str:
    """Return units, n and how to read it."""
    phantoms: Any = facts.get("segmenter") or {}
    parts = [f"{phantoms.get('n_phantoms')} held-out digital phantoms"]
    if maps := facts.get("maps"):
        parts.append(
            f"{maps['n_phantoms']} real label maps, each measured by a network trained without it"
            f" ({number(maps['steps'], 0)} steps)"
        )
    if diseases := facts.get("diseases"):
        counts = [f"{kind} {content['n_phantoms']}" for kind, content in diseases.items()]
        parts.append(f"phantoms with diseases ({listed(counts)})")
    means = [
        f"{name} {number(facts.get(key, 'dice', 'mean'), 3)}"
        for name, key in (("phantoms", "segmenter"), ("real heads", "maps"))
        if facts.get(key, "dice", "mean") is not None
    ]
    return (
        "How the bundled segmentation network measures scans simulated from"
        f" {listed(parts)}; left and right together. Left: Dice (1: the true labels), means of"
        f" all structures: {listed(means)}. Middle: mean absolute error of volumes. Right:"
        " coefficient of variation of volumes when the head is moved by up to half a voxel, median"
        " over heads. Zero-filled: the same scans, undersampled."
    )


FIGURE = StudyFigure(
    "segmenter",
    "The bundled segmentation network",
    "Rows of structures: Dice, volume error and precision on phantoms and real heads.",
    caption,
    read_and_draw,
    lambda facts: facts.get("segmenter", "structures") is not None,
)
