"""Medians over pairs equal numpy's, gaps included, and known truths lie in their intervals."""

import numpy as np
import pandas as pd
import pytest

from stages.statistics.methods.member_medians import (
    draw,
    median_absolute_bias,
    median_spread,
    member_cube,
    pair_bias,
    pair_cv,
    row_means,
)
from stages.statistics.methods.variability import coefficient_of_variation
from stages.statistics.methods.weighted_summaries import weighted_median


def draws_of(n: int, n_draws: int = 200):
    return draw({f"s{k}": f"s{k}" for k in range(n)}, n_draws, np.random.default_rng(0))


def test_the_weighted_median_is_numpys_of_repeated_values():
    rng = np.random.default_rng(0)
    values, scan = rng.normal(size=24), np.tile(np.arange(6), 4)
    values[3] = np.nan
    weights = rng.integers(0, 4, size=(50, 6))
    weights[0] = 0
    found = weighted_median(values, scan, weights)
    assert np.isnan(found[0])
    for each, w in zip(found[1:], weights[1:], strict=True):
        assert each == pytest.approx(np.nanmedian(np.repeat(values, w[scan])))
    assert np.isnan(weighted_median(np.full(4, np.nan), np.arange(4), weights[:, :4])).all()


def test_pairs_are_of_the_members_that_they_have():
    cube = np.array([[[1.0, 2.0, 3.0], [4.0, np.nan, 6.0], [np.nan, np.nan, 5.0]]])
    cv = pair_cv(cube)[0]
    whole = coefficient_of_variation(np.array([[1.0, 2.0, 3.0]]))[0]
    assert cv[:2] == pytest.approx([whole, 100 * np.sqrt(2) / 5])
    assert np.isnan(cv[2])
    assert pair_bias(cube, np.array([[1.0, 0.0, 4.0]]))[0] == pytest.approx(
        [100, np.nan, 25], nan_ok=True
    )


def test_a_table_becomes_a_cube():
    rows = [(m, f"s{s}", k, 10 * s + m) for m in (7, 3) for s in (0, 1) for k in ("a", "b")]
    table = pd.DataFrame(rows, columns=["member", "subject", "structure", "v"]).iloc[1:]
    cube = member_cube(table, "v", ("a", "b"), ["s1", "s0"])
    assert cube.shape == (2, 2, 2)
    assert cube[0].tolist()[0] == [13, 17]
    assert np.isnan(cube[0, 1, 1])


@pytest.mark.parametrize("n_members", [4, 12])
def test_known_biases_and_spreads_lie_in_their_intervals(n_members):
    rng = np.random.default_rng(n_members)
    true = np.linspace(-6, 6, 8)
    biases = true[:, None, None] + rng.normal(size=(8, 15, 1)) + rng.normal(size=(8, 15, n_members))
    draws = draws_of(15)
    found = row_means(biases, draws)
    assert found.value == pytest.approx(biases.mean(axis=(1, 2)))
    absolute = median_absolute_bias(biases, draws)
    medians = np.abs(np.median(biases.mean(axis=-1), axis=-1))
    assert float(absolute.value) == pytest.approx(np.median(medians))
    spread = median_spread(100 + biases, draws, relative=True)
    volumes = 100 + biases
    cv = 100 * volumes.std(axis=-1, ddof=1) / volumes.mean(axis=-1)
    assert float(spread.value) == pytest.approx(np.median(cv))
    assert len(spread.members) == 1
