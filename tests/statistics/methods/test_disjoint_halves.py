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
    alone,
    cube_of,
    half_predictors,
    table_of,
    true_log_cv,
    whole,
)


def test_a_perfect_predictor_reaches_the_ceiling_and_noise_of_its_own_half_passes_it():
    generator = np.random.default_rng(5)
    truth = true_log_cv(0.3, generator)
    table = table_of(cube_of(truth, N_MEMBERS, generator))
    perfect = disjoint_r2(table, half_predictors(table, truth), ["mean"], whole(table, 99))
    expected = 0.3**2 / (0.3**2 + sampling_variance(N_MEMBERS // 2))
    found = perfect["disjoint"]
    assert found["within_r2"]["value"] == pytest.approx(expected, abs=0.08)
    within = found["within_structure"]
    assert within["low"] ** 2 < expected < within["high"] ** 2
    assert within["p"] == pytest.approx(1 / 100)
    assert found["within_r2"]["p"] == pytest.approx(1 / 100)
    # another subject's true variability explains nothing of a scan
    assert found["within_r2"]["mean"] < found["within_r2"]["p95"] < 0.1
    tree, _ = reliability(table, alone(table), 50, 0.95, generator)
    leaf = tree["within_structure"]["between_halves"]
    assert leaf["low"] < expected < leaf["high"]
    cube, _, _ = volume_cube(table)
    x, y = (v - v.mean(axis=1, keepdims=True) for v in (truth, log_variability(cube)))
    reached = np.corrcoef(x.ravel(), y.ravel())[0, 1] ** 2
    assert tree["within_structure"]["split_half"]["value"] == pytest.approx(reached, abs=0.12)
    # the variability itself as its own predictor: nothing but noise is shared by its half
    own = half_targets(table).rename(columns={"target": "mean"})
    circular = disjoint_r2(table, own, ["mean"], whole(table))
    assert circular["same"]["within_r2"] == pytest.approx(1)
    assert circular["disjoint"]["within_structure"]["r"] == pytest.approx(leaf["value"], abs=0.1)


def test_both_directions_count_alike():
    generator = np.random.default_rng(11)
    table = table_of(cube_of(true_log_cv(0.4, generator)[:4, :8], 6, generator))
    predictors = half_predictors(table, generator.normal(size=(4, 8)))
    found = disjoint_r2(table, predictors, ["mean"], whole(table))["disjoint"]
    target = half_targets(table)
    z = []
    for mine, other in (("a", "b"), ("b", "a")):
        x = predictors[predictors["half"] == mine]["mean"].to_numpy()
        y = target[target["half"] == other]["target"].to_numpy()
        z.append(np.arctanh(np.corrcoef(x, y)[0, 1]))
    assert found["pooled"]["r"] == pytest.approx(np.tanh(np.mean(z)))


def test_unknown_halves_are_refused():
    generator = np.random.default_rng(10)
    table = table_of(cube_of(true_log_cv(0.3, generator)[:2, :2], 4, generator))
    other = half_predictors(table, np.ones((2, 2))).assign(half="first")
    with pytest.raises(ValueError, match="expected halves 'a' and 'b', got \\['first'\\]"):
        disjoint_r2(table, other, ["mean"], whole(table))
