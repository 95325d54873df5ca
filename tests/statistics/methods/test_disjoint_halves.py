"""One half predicts the other: without the noise that both would share."""

import numpy as np
import pytest

from stages.statistics.methods.arrays import volume_cube
from stages.statistics.methods.disjoint_halves import disjoint_r2, half_targets
from stages.statistics.methods.reliability import sampling_variance
from stages.statistics.methods.split_half import (
    log_variability,
    reliability,
)
from tests.statistics.methods.test_split_half import (
    N_MEMBERS,
    cube_of,
    half_predictors,
    table_of,
    true_log_cv,
)


def test_a_perfect_predictor_reaches_the_ceiling_and_noise_of_its_own_half_passes_it():
    generator = np.random.default_rng(5)
    truth = true_log_cv(0.3, generator)
    table = table_of(cube_of(truth, N_MEMBERS, generator))
    perfect = disjoint_r2(table, half_predictors(table, truth), ["mean"])
    expected = 0.3**2 / (0.3**2 + sampling_variance(N_MEMBERS // 2))
    assert perfect["disjoint"]["within_r2"] == pytest.approx(expected, abs=0.08)
    assert perfect["disjoint"]["within_r"] ** 2 == pytest.approx(expected, abs=0.08)
    exams = {name: name for name in table["subject"]}
    tree, _ = reliability(table, exams, 50, 50, 0.95, generator)
    cube, _, _ = volume_cube(table)
    x, y = (v - v.mean(axis=1, keepdims=True) for v in (truth, log_variability(cube)))
    reached = np.corrcoef(x.ravel(), y.ravel())[0, 1] ** 2
    for estimate in ("split_half", "analytic"):
        assert tree["within_structure"][estimate]["value"] == pytest.approx(reached, abs=0.12)
    # the variability itself as its own predictor: nothing but noise is shared by its half
    own = half_targets(table).rename(columns={"target": "mean"})
    circular = disjoint_r2(table, own, ["mean"])
    assert circular["same"]["within_r2"] == pytest.approx(1)
    assert circular["disjoint"]["within_r"] == pytest.approx(
        tree["within_structure"]["between_halves"], abs=0.1
    )


def test_unknown_halves_are_refused():
    generator = np.random.default_rng(10)
    table = table_of(cube_of(true_log_cv(0.3, generator)[:2, :2], 4, generator))
    other = half_predictors(table, np.ones((2, 2))).assign(half="first")
    with pytest.raises(ValueError, match="expected halves 'a' and 'b', got \\['first'\\]"):
        disjoint_r2(table, other, ["mean"])
