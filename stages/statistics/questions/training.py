"""Training curves of the members, short enough to plot."""

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer
from stages.statistics.cohort import Cohort

COLUMNS = ("loss", "validation_psnr", "validation_ssim")


def ask(cohort: Cohort, params: AnalyseParams, _: np.random.Generator) -> Answer:
    """Return the training curves of all members that have them, thinned for plotting."""
    members = cohort.curves.groupby(["group", "seed"], sort=False)
    parts = [
        thin(curves, params.curve_points).assign(group=group, seed=seed)
        for (group, seed), curves in members
    ]
    table = pd.concat(parts, ignore_index=True) if parts else cohort.curves
    return Answer(tables={"training": table[["group", "seed", "step", *COLUMNS]]})


def thin(curves: pd.DataFrame, n_points: int) -> pd.DataFrame:
    """Return training curves averaged over equal spans of steps.

    Args:
        curves: columns step and `COLUMNS`; empty where nothing was recorded at a step.
        n_points: most rows to keep.

    Returns:
        Columns step (the last of each span) and `COLUMNS` (the mean of what was recorded in it).
    """
    if len(curves) <= n_points:
        return curves[["step", *COLUMNS]].reset_index(drop=True)
    span = np.arange(len(curves)) * n_points // len(curves)
    grouped = curves.groupby(span)
    thinned = grouped[list(COLUMNS)].mean()
    thinned.insert(0, "step", grouped["step"].max())
    return thinned.reset_index(drop=True)
