"""Tables as arrays."""

import numpy as np
import pandas as pd
import pytest

from stages.statistics.methods.arrays import pair_matrix, volume_cube
from stages.statistics.methods.split_half import (
    log_variability,
)
from stages.statistics.methods.variability import cv_table
from tests.statistics.methods.test_split_half import cube_of, table_of, true_log_cv


def test_cube_gives_the_cv_of_the_study():
    generator = np.random.default_rng(0)
    table = table_of(cube_of(true_log_cv(0.3, generator), 5, generator))
    cube, structures, subjects = volume_cube(table.sample(frac=1, random_state=0))
    assert cube.shape == (len(structures), len(subjects), 5)
    known = cv_table(table).set_index(["structure", "subject"])["cv"]
    expected = [[known[k, s] for s in subjects] for k in structures]
    assert np.exp(log_variability(cube)) == pytest.approx(np.array(expected))


def test_pairs_stand_at_their_names_and_absent_ones_are_nan():
    table = pd.DataFrame(
        [("b", "s1", 1.0), ("a", "s2", 2.0), ("c", "s1", 3.0), ("a", "s9", 4.0)],
        columns=["structure", "subject", "value"],
    )
    expected = [[np.nan, 2.0], [1.0, np.nan], [np.nan, np.nan]]
    found = pair_matrix(table, "value", ["a", "b", "d"], ["s1", "s2"])
    assert np.array_equal(found, expected, equal_nan=True)
    wide = table.pivot(index="structure", columns="subject", values="value")
    wide = wide.reindex(index=["a", "b", "d"], columns=["s1", "s2"])
    assert np.array_equal(found, wide.to_numpy(), equal_nan=True)


def test_a_pair_with_two_rows_is_an_error():
    table = pd.DataFrame({"structure": ["a", "a"], "subject": ["s", "s"], "value": [1.0, 2.0]})
    with pytest.raises(ValueError, match="several rows"):
        pair_matrix(table, "value", ["a"], ["s"])
