"""Loss and image quality during training, one line a member."""

from collections.abc import Sequence

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.kit.facts import Facts, analysed
from stages.figures.kit.sample import sample
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import RC, colour, new_figure
from stages.figures.kit.titles import title

SCORES = ("validation_psnr", "validation_ssim")
PANELS = {
    "loss": "training loss",
    "validation_psnr": "validation PSNR (dB)",
    "validation_ssim": "validation SSIM",
}


def read_and_draw(facts: Facts) -> Figure:
    """Draw the curves of all members."""
    columns = ["group", "seed", "step"]
    curves = analysed("training", [*columns, *PANELS])
    return draw(curves, analysed("kept", [*columns, *SCORES]), facts.ensembles.architectures)


def draw(curves: pd.DataFrame, kept: pd.DataFrame, groups: Sequence[str]) -> Figure:
    """Draw loss, PSNR and SSIM against the training step.

    Args:
        curves: columns group, seed, step and those of `PANELS`, empty where not recorded.
        kept: columns group, seed, step and those of `SCORES`, a row a member that was trained here.
        groups: the architectures.
    """
    with rc_context(RC):
        figure = new_figure(11, 3.6)
        for axes, (column, label) in zip(figure.subplots(1, 3), PANELS.items(), strict=True):
            for (group, _), part in curves.groupby(["group", "seed"], sort=False):
                known = part.dropna(subset=[column])
                axes.plot(
                    known["step"], known[column], color=colour(group, groups), lw=1, alpha=0.8
                )
            for row in kept.to_dict("records") if column in SCORES else ():
                hue = colour(row["group"], groups)
                axes.plot(row["step"], row[column], "o", color=hue, ms=4, clip_on=False)
            axes.set_xlabel("step")
            axes.set_title(label)
            axes.set_xlim(left=0)
            if column == "loss" and (curves["loss"] > 0).all():
                axes.set_yscale("log")
        lines = [Line2D([], [], color=colour(name, groups), label=title(name)) for name in groups]
        figure.legend(handles=lines, loc="outside lower center", ncols=len(groups))
    return figure


def caption(facts: Facts) -> str:
    """Return units, n and how to read the lines."""
    return (
        "Training loss (no unit), PSNR (dB) and SSIM on slices of the monitor scans against the"
        " step, one line per member; dots mark the weights that were kept. A loss that still falls"
        f" has not converged. {sample(facts)}."
    )


FIGURE = StudyFigure(
    "training",
    "Training",
    "Curves of loss, PSNR and SSIM over the steps.",
    caption,
    read_and_draw,
    good="Good: curves that are level at the end, and alike for all members.",
)
