"""The sampling masks: that of one scan of each matrix, and the radial sampling profile of all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, number
from stages.figures.kit.study_figure import StudyFigure, from_k_space
from stages.figures.kit.style import RC, SPARE, new_figure
from stages.kspace.masks.profile import radial_profile
from stages.kspace.masks.sampling import SamplingMask, load_mask
from stages.study import layout
from stages.study.errors import StudyError

SHADES = ListedColormap(["#303030", "#F5F5F5", "#9A9A9A"])  # left out, sampled, not acquired
CENTRE = SPARE[1]  # outline of the calibration region
LINES = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
)  # of the profiles, a matrix each; Okabe and Ito
END = "_mask.npz"
N_PANELS = 4


@dataclass(frozen=True)
class Shown:
    """The masks of all scans of one matrix, by the scans' labels."""

    scans: tuple[str, ...]
    masks: tuple[SamplingMask, ...]

    @property
    def size(self) -> str:
        """The matrix, as panels and legend print it."""
        n_ky, n_kz = self.masks[0].mask.shape
        return f"{n_ky} × {n_kz}"


def read_and_draw(_: Facts) -> Figure:
    """Draw the masks of the study in the current directory."""
    return draw(read())


def read() -> list[Shown]:
    """Return the masks of the study, matrix by matrix; `StudyError` without any."""
    found: dict[tuple[int, ...], dict[str, SamplingMask]] = {}
    parts = (layout.TRAIN, layout.VALIDATION)
    paths = {path.name: path for part in parts for path in (layout.MASKS / part).glob(f"*{END}")}
    for name, path in sorted(paths.items()):
        mask = load_mask(path)
        found.setdefault(mask.mask.shape, {})[name.removesuffix(END)] = mask
    if not found:
        raise StudyError(
            f"{layout.MASKS}: expected sampling masks, found none; run `dvc repro mask`"
        )
    return [Shown(tuple(part), tuple(part.values())) for _, part in sorted(found.items())]


def draw(shown: Sequence[Shown]) -> Figure:
    """Draw a panel a matrix, `N_PANELS` at most, and the profiles of all on the right."""
    with rc_context(RC):
        n_panels = min(len(shown), N_PANELS)
        figure = new_figure(3.0 * n_panels + 4.6, 4.2)
        widths = [1.0] * n_panels + [1.4]
        *panels, right = figure.subplots(1, n_panels + 1, width_ratios=widths)
        for panel, part in zip(panels, shown, strict=False):
            show(panel, part)
        profiles(right, shown)
        figure.legend(handles=keys(), loc="outside lower center", ncols=4, fontsize=8)
    return figure


def show(panel: Axes, part: Shown) -> None:
    """Draw the mask of the first scan of a matrix, its calibration region outlined."""
    first = part.masks[0]
    shades = first.mask.astype(int)
    shades[:, first.n_acquired :] = 2
    panel.imshow(shades, cmap=SHADES, vmin=0, vmax=2, interpolation="nearest")
    panel.contour(first.calibration.astype(float), [0.5], colors=[CENTRE], linewidths=1.5)
    panel.set_xlabel("kz (columns)")
    panel.set_ylabel("ky (rows)")
    acquired, full = (number(first.acceleration(of)) for of in ("acquired", "full"))
    title = f"{part.scans[0]}, {part.size}\nR = {acquired} (full matrix: {full})"
    panel.set_title(title, fontsize=9)


def keys() -> list[Line2D]:
    """Return the legend's entries of the shades and the outline."""
    names = ("left out", "sampled", "not acquired (partial Fourier)")
    squares = [
        Line2D([], [], linestyle="", marker="s", markersize=8, markeredgecolor="0.4") for _ in names
    ]
    for square, shade, name in zip(squares, SHADES.colors, names, strict=True):  # type: ignore[arg-type]  # a list of colours
        square.set(markerfacecolor=shade, label=name)
    return [*squares, Line2D([], [], color=CENTRE, lw=1.5, label="calibration region")]


def profiles(axes: Axes, shown: Sequence[Shown]) -> None:
    """Draw the fraction sampled in each ring: a thin line a mask, a thick one their mean."""
    for k, part in enumerate(shown):
        colour = LINES[k % len(LINES)]
        found = [radial_profile(one.mask, one.n_acquired) for one in part.masks]
        middles = (found[0].edges[:-1] + found[0].edges[1:]) / 2
        for one in found:
            axes.plot(middles, one.sampled, color=colour, lw=0.5, alpha=0.35)
        mean = np.mean([one.sampled for one in found], axis=0)
        label = f"{part.size}, mean of {counted(len(found), 'mask')}"
        axes.plot(middles, mean, "o-", color=colour, markersize=3.5, lw=1.8, label=label)
    axes.set_ylim(0, 1.05)
    axes.set_xlim(left=0)
    axes.grid(color="0.92", linewidth=0.7)
    axes.set_title("Radial sampling profile", fontsize=9)
    axes.set_xlabel("distance from zero frequency (k-space samples)")
    axes.set_ylabel("fraction of the acquired k-space sampled")
    axes.legend(fontsize=8)


def caption(facts: Facts) -> str:
    """Return what is shown of how many masks, units and how to read it."""
    kind = facts.get("masks", "description") or "sampling masks"
    n = facts.get("masks", "n_masks")
    return (
        f"{kind[0].upper()}{kind[1:]}, one a training or validation scan and the same for all"
        f" members{'' if n is None else f'; n = {counted(n, "mask")}'}. Left: the mask of the first"
        f" scan of each matrix ({N_PANELS} at most); R: acceleration of the acquired k-space."
        " Right: fraction of the acquired k-space samples taken in rings around zero frequency, a"
        " thin line a mask. A flat line is a constant sampling density; one that falls spends more"
        " samples on low spatial frequencies."
    )


FIGURE = StudyFigure(
    "masks",
    "Sampling masks",
    "Sampled k-space positions of a scan of each matrix, and curves of the sampled fraction.",
    caption,
    read_and_draw,
    shown=from_k_space,
    good="Good: the acceleration asked for, and the same curve for every scan.",
)
