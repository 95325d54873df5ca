"""The mixture against scipy, hand calculation and images whose parameters are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial.legendre import legval
from scipy.stats import norm

from stages.params.atlas import MixtureParams
from stages.segmenters.atlas import mixture
from tests.tolerances import assert_rounded, rounding

pytestmark = pytest.mark.kernels

SHAPE = (9, 8, 7)
PARAMS = MixtureParams(
    iterations=25,
    bias_order=2,
    bias_penalty=1e-6,
    prior_variance=1e-3,
    prior_weight=1.0,
    mean_weight=0.0,
    refinements=4,
    mixed=0.0,
    fractions=1,
    stride=1,
)


def known(n: int) -> mixture.Classes:
    """Classes of the brain of whose means nothing is expected."""
    return mixture.Classes(np.ones(n, bool), np.full((n, n), np.nan))


def drawn(seed: int, n_classes: int) -> tuple[np.ndarray, np.ndarray, mixture.Moments]:
    """Six intensities, priors and moments."""
    rng = np.random.default_rng(seed)
    y = rng.random(6, np.float32)
    priors = rng.dirichlet(np.ones(n_classes), 6).T.astype(np.float32)
    return y, priors, (rng.random(n_classes), rng.uniform(0.05, 0.2, n_classes))


@given(seed=st.integers(0, 99), n_classes=st.integers(1, 4))
def test_posteriors_are_bayes_rule(seed: int, n_classes: int) -> None:
    y, priors, (means, variances) = drawn(seed, n_classes)
    brain = np.ones(n_classes, bool)
    alone, filled = mixture.posteriors(y, priors, (means, variances), brain, PARAMS)
    joint = priors * (norm.pdf(y, means[:, None], np.sqrt(variances)[:, None]) + mixture.UNLIKELY)
    # an error of an exponent, relative to its size, is a relative error of the density
    exponent = ((y - means[:, None]) ** 2 / variances[:, None] / 2).max(0)
    scale = joint / joint.sum(0) * (1 + exponent)
    assert_rounded(filled, joint / joint.sum(0), 10 + n_classes, scale=scale)
    np.testing.assert_allclose(alone, filled, atol=1e-4)  # but for the density of anything


@given(seed=st.integers(0, 99))
def test_mixed_voxels_are_divided_by_their_fractions(seed: int) -> None:
    y, priors, (means, variances) = drawn(seed, 3)
    params = PARAMS.model_copy(update={"mixed": 0.6, "fractions": 2})
    brain = np.array([True, False, False])  # classes 1 and 2 share no voxel
    alone, filled = mixture.posteriors(y, priors, (means, variances), brain, params)
    expected = priors * (1 - 0.6 * (1 - priors))
    expected = expected * norm.pdf(y, means[:, None], np.sqrt(variances)[:, None])
    pure = expected.copy()
    for other in (1, 2):
        for part in (0.25, 0.75):
            mean = part * means[0] + (1 - part) * means[other]
            spread = np.sqrt(part * variances[0] + (1 - part) * variances[other])
            density = 0.6 * priors[0] * priors[other] * norm.pdf(y, mean, spread)
            density[priors[0] * priors[other] <= mixture.RARE] = 0
            expected[0] += part * density
            expected[other] += (1 - part) * density
    np.testing.assert_allclose(filled, expected / expected.sum(0), atol=1e-4)
    np.testing.assert_allclose(alone, pure / expected.sum(0), atol=1e-4)


def test_no_prior_no_posterior() -> None:
    priors, brain = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), np.ones(2, bool)
    params = PARAMS.model_copy(update={"mixed": 1.0})
    moments = np.ones(2), np.ones(2)
    _, found = mixture.posteriors(np.ones(2, np.float32), priors, moments, brain, params)
    np.testing.assert_array_equal(found, priors)


def test_where_nothing_is_likely_the_priors_hold() -> None:
    priors, brain = np.array([[0.25], [0.75]], np.float32), np.ones(2, bool)
    moments = np.array([0.2, 0.4]), np.full(2, 1e-4)
    _, found = mixture.posteriors(np.array([9.0], np.float32), priors, moments, brain, PARAMS)
    assert_rounded(found, priors, 4)


def test_half_filled_voxels_are_measured_by_half() -> None:
    """A border that runs through the middle of voxels: as large as it is, not all or nothing."""
    rng = np.random.default_rng(2)
    share = np.concatenate([np.ones(4000), np.zeros(4000), rng.random(2000)])
    x = (0.1 + 0.8 * share + rng.normal(0, 0.02, share.size)).astype(np.float32)
    near = np.concatenate([np.full(4000, 0.97), np.full(4000, 0.03), np.full(2000, 0.3)])
    priors, brain = np.stack([near, 1 - near]).astype(np.float32), np.ones(2, bool)
    params = PARAMS.model_copy(update={"mixed": 0.9, "fractions": 6, "bias_order": 0})
    found = mixture.fit(x, priors, np.zeros((len(x), 0), np.float32), known(2), params)
    assert found.means == pytest.approx([0.9, 0.1], abs=0.01)
    moments = found.means, found.variances
    _, filled = mixture.posteriors(x, priors, moments, brain, params)
    assert filled[0, 8000:].sum() == pytest.approx(share[8000:].sum(), rel=0.03)
    assert np.abs(filled[0] - share).mean() < 0.02


def test_moments_by_hand() -> None:
    weights = np.array([[1.0, 1.0, 0.0], [0.0, 0.5, 0.5]])
    params = PARAMS.model_copy(update={"prior_weight": 2.0, "prior_variance": 0.5})
    means, variances = mixture.moments(np.array([1.0, 3.0, 5.0]), weights, params)
    assert means == pytest.approx([2.0, 4.0])
    assert variances == pytest.approx([(2 + 1) / 4, (1 + 1) / 3])


def test_means_of_few_voxels_are_drawn_to_what_landmarks_say() -> None:
    nothing = np.full(3, np.nan)
    goals = mixture.expected_means(np.array([0.2, 1.0, 9.0]), np.array([nothing, nothing, nothing]))
    assert np.isnan(goals).all()
    goals = np.array([np.nan, np.nan, 0.6])
    found = np.array([0.2, 1.0, 0.9]), np.ones(3)
    means, _ = mixture.drawn_to(found, np.array([50.0, 50.0, 20.0]), goals, 40.0)
    assert means == pytest.approx([0.2, 1.0, 0.7])


@pytest.mark.parametrize("order", [0, 1, 3])
def test_the_basis_is_products_of_legendre_polynomials(order: int) -> None:
    where = np.array([0, 100, 503])
    terms = mixture.basis(SHAPE, where, order)
    assert terms.shape == (3, {0: 0, 1: 3, 3: 19}[order])
    for column, degrees in zip(terms.T, mixture.degrees(order), strict=True):
        for value, index in zip(column, np.transpose(np.unravel_index(where, SHAPE)), strict=True):
            x = [2 * i / (n - 1) - 1 for i, n in zip(index, SHAPE, strict=True)]
            parts = [legval(a, np.eye(order + 1)[d]) for a, d in zip(x, degrees, strict=True)]
            assert value == pytest.approx(np.prod(parts), abs=rounding(6))  # none exceeds 1


def test_the_bias_image_is_what_the_basis_says() -> None:
    order, bias = 2, np.random.default_rng(0).normal(0, 0.1, 9)
    terms = mixture.basis(SHAPE, np.arange(np.prod(SHAPE)), order)
    ones = np.ones(len(terms), np.float32)
    expected = 1 / mixture.corrected(ones, terms, bias).reshape(SHAPE)
    # no term exceeds 1; an error of the logarithm is a relative error of the field
    scale = expected * (1 + np.abs(bias).sum())
    assert_rounded(mixture.bias_image(SHAPE, bias, order), expected, 3 * len(bias), scale=scale)


def test_means_variances_and_bias_field_are_recovered() -> None:
    rng, shape = np.random.default_rng(1), (24, 20, 22)
    truth = rng.integers(0, 2, np.prod(shape))
    terms = mixture.basis(shape, np.arange(np.prod(shape)), PARAMS.bias_order)
    bias = rng.normal(0, 0.1, terms.shape[1])
    y = np.array([0.4, 0.8])[truth] + rng.normal(0, 0.02, truth.size)
    x = (y * np.exp(terms @ bias)).astype(np.float32)
    priors = np.where(truth == np.arange(2)[:, None], 0.7, 0.3).astype(np.float32)
    found = mixture.fit(x, priors, terms, known(2), PARAMS)
    assert found.means[1] / found.means[0] == pytest.approx(2, rel=0.01)
    assert np.sqrt(found.variances) == pytest.approx([0.02, 0.02], rel=0.1)
    np.testing.assert_allclose(terms @ (found.bias - bias), 0, atol=0.02)
