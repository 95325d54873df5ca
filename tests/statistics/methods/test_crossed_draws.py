"""Split of the variance of crossed draws: known answers, statsmodels, planted components, gaps."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.anova import anova_lm

from stages.statistics.methods.crossed_draws import Parts, residual, split

cubes = arrays(
    np.float64,
    st.tuples(st.integers(2, 5), st.integers(2, 5)),
    elements=st.floats(-100, 100).map(lambda x: round(x, 3)),
)
# mean squares of at most 25 values of 100: rounding of their sums
ROUNDING = 1e-9


def by_statsmodels(values: np.ndarray) -> Parts:
    """Return the components from a table of the analysis of variance by least squares."""
    member, draw = (each.ravel() for each in np.indices(values.shape))
    long = pd.DataFrame({"v": values.ravel(), "member": member, "draw": draw})
    table = anova_lm(smf.ols("v ~ C(member) + C(draw)", data=long).fit())
    of_member, of_draw, rest = table["mean_sq"]
    n_members, n_draws = values.shape
    reconstruction = (of_member - rest) / n_draws
    segmentation = (of_draw - rest) / n_members + rest
    return Parts(reconstruction + segmentation, reconstruction, segmentation, rest)


def test_components_are_those_of_the_analysis_of_variance():
    values = np.random.default_rng(0).normal(size=(4, 3))
    assert np.array(split(values)) == pytest.approx(np.array(by_statsmodels(values)), rel=1e-9)


@given(cubes)
def test_the_segmentation_part_is_the_mean_variance_over_draws(values):
    found = split(values)
    assert found.segmentation == pytest.approx(values.var(axis=1, ddof=1).mean(), abs=ROUNDING)
    means = values.mean(axis=1).var(ddof=1)
    expected = means - found.interaction / values.shape[1]
    assert found.reconstruction == pytest.approx(expected, abs=ROUNDING)
    assert found.total >= -ROUNDING


@given(cubes)
def test_identical_segmentations_have_no_segmentation_part(values):
    found = split(np.repeat(values[:, :1], 3, axis=1))
    assert found.segmentation == found.interaction == 0.0
    assert found.reconstruction == pytest.approx(values[:, 0].var(ddof=1), abs=ROUNDING)


@given(cubes)
def test_one_image_many_times_has_no_reconstruction_part(values):
    found = split(np.repeat(values[:1], 3, axis=0))
    assert found.reconstruction == found.interaction == 0.0
    assert found.segmentation == pytest.approx(values[0].var(ddof=1), abs=ROUNDING)


def test_one_image_and_a_stochastic_segmenter_have_none_on_average():
    found = split(np.random.default_rng(1).normal(size=(4000, 4, 3))).reconstruction
    error = found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean()) < 4 * error
    assert (found < 0).mean() > 0.4  # kept, not cut off at 0


@pytest.mark.parametrize("heavy", [False, True])
def test_planted_components_are_found_on_average(heavy):
    rng = np.random.default_rng(2)
    n, m, k = 4000, 4, 3

    def effect(*shape: int) -> np.ndarray:
        return rng.exponential(size=shape) if heavy else rng.normal(size=shape)

    values = 2 * effect(n, m, 1) + 1.5 * effect(n, 1, k) + effect(n, m, k)
    true = Parts(4 + 2.25 + 1, 4.0, 2.25 + 1, 1.0)
    for name, found in split(values)._asdict().items():
        error = found.std(ddof=1) / np.sqrt(n)
        assert found.mean() == pytest.approx(getattr(true, name), abs=4 * error), name


def test_members_without_all_draws_are_left_out():
    values = np.random.default_rng(3).normal(size=(2, 4, 3))
    holed = values.copy()
    holed[0, 0, 1] = holed[1, 2] = np.nan
    found = np.stack(split(holed), axis=-1)
    expected = [split(values[0, 1:]), split(values[1, [0, 1, 3]])]
    assert found == pytest.approx(np.array(expected), rel=1e-9)


def test_too_few_members_or_draws_have_no_components():
    for shape in ((3, 1, 4), (3, 4, 1), (3, 0, 4)):
        assert np.isnan(np.array(split(np.zeros(shape)))).all()
    assert residual(np.zeros((3, 1, 4)))[1] == 0


def test_the_pooled_interaction_has_the_freedom_of_all_scans():
    values = np.random.default_rng(4).normal(size=(3, 4, 3))
    values[0, 0] = np.nan
    found, free = residual(values)
    rest = [split(values[0, 1:]), split(values[1]), split(values[2])]
    assert free == 4 + 6 + 6
    known = np.average([each.interaction for each in rest], weights=(4, 6, 6))
    assert found == pytest.approx(known)
