"""Noise ceilings: how well a perfect predictor could do from the other half of the members."""

import numpy as np
import pandas as pd

ESTIMATE = "between_halves"
LABEL = "perfect predictor of a half's ln CV"
Ceilings = dict[str, tuple[float, float, float]]
"""Scope -> noise ceiling of R², and the ends of its interval."""


def ceilings(inference: pd.DataFrame) -> Ceilings:
    """Return the noise ceilings of one group that are defined; ends NaN without an interval.

    They bound predictors computed from the other half of the members alone: a predictor from the
    same members shares their noise.

    Args:
        inference: columns scope, statistic, estimate, value, low, high of one group, as in
            plots/analyse/inference.csv.
    """
    chosen = inference[
        (inference["statistic"] == "noise_ceiling")
        & (inference["estimate"] == ESTIMATE)
        & np.isfinite(inference["value"])
    ]
    rows = chosen[["scope", "value", "low", "high"]].itertuples(index=False)
    return {scope: (value, low, high) for scope, value, low, high in rows}


def roots(found: Ceilings) -> Ceilings:
    """Return the noise ceilings of a correlation, the square roots of those of R²."""
    return {scope: tuple(np.sqrt(ends)) for scope, ends in found.items()}
