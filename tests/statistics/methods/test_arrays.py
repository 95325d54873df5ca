"""Tables as arrays."""

import numpy as np
import pytest

from stages.statistics.methods.arrays import volume_cube
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
