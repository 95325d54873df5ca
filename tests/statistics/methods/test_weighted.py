"""Ranks of weighted points are those of the points repeated."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from stages.statistics.methods.weighted import weighted_ranks


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_weighted_ranks_are_those_of_repeated_values(pairs):
    values, weights = np.array(pairs, dtype=float).T
    repeated = np.repeat(values, weights.astype(int))
    ranks = weighted_ranks(values[None], weights[None])[0]
    for value, rank, weight in zip(values, ranks, weights, strict=True):
        if weight:
            assert rank == rankdata(repeated)[repeated == value][0]
