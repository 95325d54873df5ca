"""Noise ceilings: the R² that a perfect predictor of a coefficient of variation would reach."""

import numpy as np
import pandas as pd

CEILINGS = {"split_half": "noise ceiling, split-half", "analytic": "noise ceiling, analytic"}
"""Estimate -> its label."""
Ceilings = dict[tuple[str, str], tuple[float, float, float]]
"""(scope, estimate) -> ceiling of R² and the ends of its interval."""


def ceilings(inference: pd.DataFrame) -> Ceilings:
    """Return the ceilings of one group that are defined; ends NaN where there is no interval.

    Args:
        inference: columns scope, statistic, estimate, value, low, high of one group, as in
            plots/analyse/inference.csv.
    """
    chosen = inference[
        (inference["statistic"] == "noise_ceiling") & np.isfinite(inference["value"])
    ]
    columns = ["scope", "estimate", "value", "low", "high"]
    rows = chosen[columns].itertuples(index=False)
    return {(scope, name): (value, low, high) for scope, name, value, low, high in rows}
