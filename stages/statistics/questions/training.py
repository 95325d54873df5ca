"""Training curves of the members, short enough to plot, and which step each was kept at."""

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.needs import TRAINED, needs

SCORES = ("validation_psnr", "validation_ssim")
COLUMNS = ("loss", *SCORES)


@needs(TRAINED)
def ask(cohort: Cohort, params: AnalyseParams, _: np.random.Generator) -> Answer:
    """Return the training curves of all members that have them, thinned for plotting.

    Metrics: `<group>.kept_step.{min,median,max}`, steps over members, and `<group>.n.members` that
    were trained here. Table `kept`: the scores of the kept weights.
    """
    members = cohort.curves.groupby(["group", "seed"], sort=False)
    parts = [
        thin(curves, params.curve_points).assign(group=group, seed=seed)
        for (group, seed), curves in members
    ]
    table = pd.concat(parts, ignore_index=True) if parts else cohort.curves
    kept = cohort.curves[cohort.curves["kept"].notna()].reset_index(drop=True)
    return Answer(
        metrics={
            str(group): kept_step(part["step"]) for group, part in kept.groupby("group", sort=False)
        },
        tables={
            "training": table[["group", "seed", "step", *COLUMNS]],
            "kept": kept[["group", "seed", "step", *SCORES]],
        },
    )


def kept_step(steps: pd.Series) -> Tree:
    """Return after which steps the weights of an ensemble's members were kept."""
    spread = {"min": steps.min(), "median": steps.median(), "max": steps.max()}
    return {"kept_step": {k: float(v) for k, v in spread.items()}, "n": {"members": len(steps)}}


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
