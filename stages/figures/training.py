"""Loss and image quality during training, one line a member."""

from collections.abc import Sequence

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.kit.style import RC, colour, new_figure, title

PANELS = {
    "loss": "training loss",
    "validation_psnr": "validation PSNR (dB)",
    "validation_ssim": "validation SSIM",
}


def draw(curves: pd.DataFrame, groups: Sequence[str]) -> Figure:
    """Draw loss, PSNR and SSIM against the training step.

    Args:
        curves: columns group, seed, step and those of `PANELS`, empty where not recorded.
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
            axes.set_xlabel("step")
            axes.set_title(label)
            axes.set_xlim(left=0)
            if column == "loss" and (curves["loss"] > 0).all():
                axes.set_yscale("log")
        lines = [Line2D([], [], color=colour(name, groups), label=title(name)) for name in groups]
        figure.legend(handles=lines, loc="outside lower center", ncols=len(groups))
    return figure
