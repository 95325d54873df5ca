"""Noise ceilings of the figures."""

import numpy as np
import pandas as pd

from stages.figures.kit.noise_ceilings import ceilings


def test_ceilings_are_those_that_are_defined():
    rows = [
        ("pooled", "noise_ceiling", "analytic", 0.6, 0.5, 0.7),
        ("pooled", "noise_ceiling", "split_half", np.nan, np.nan, np.nan),
        ("within_structure", "noise_ceiling", "split_half", 0.0, 0.0, 0.4),
        ("pooled", "mean", "pearson", 0.3, 0.1, 0.4),
    ]
    columns = ["scope", "statistic", "estimate", "value", "low", "high"]
    found = ceilings(pd.DataFrame(rows, columns=columns))
    assert found == {
        ("pooled", "analytic"): (0.6, 0.5, 0.7),
        ("within_structure", "split_half"): (0.0, 0.0, 0.4),
    }
