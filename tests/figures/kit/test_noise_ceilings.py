"""Noise ceilings of the figures."""

import numpy as np
import pandas as pd

from stages.figures.kit.noise_ceilings import ceilings, roots


def test_ceilings_are_those_of_the_halves_that_are_defined():
    rows = [
        ("pooled", "noise_ceiling", "split_half", 0.6, 0.5, 0.7),
        ("pooled", "noise_ceiling", "between_halves", np.nan, np.nan, np.nan),
        ("within_structure", "noise_ceiling", "between_halves", 0.16, 0.0, 0.25),
        ("pooled", "mean", "pearson", 0.3, 0.1, 0.4),
    ]
    columns = ["scope", "statistic", "estimate", "value", "low", "high"]
    found = ceilings(pd.DataFrame(rows, columns=columns))
    assert found == {"within_structure": (0.16, 0.0, 0.25)}
    assert roots(found)["within_structure"] == (0.4, 0.0, 0.5)
