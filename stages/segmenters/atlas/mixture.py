"""Gaussian mixture with spatial priors and a bias field, fitted by expectation maximisation.

x = b y, y ~ N(mu_k, v_k) with prior probability P_k at the voxel, ln b a polynomial of the
position. Ashburner and Friston 2005, doi:10.1016/j.neuroimage.2005.02.018. Voxels may hold two
classes: Van Leemput et al. 2003, doi:10.1109/TMI.2002.806587.
"""

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.polynomial.legendre import leggrid3d, legvander
from threadpoolctl import threadpool_limits

from stages.params.atlas import MixtureParams
from stages.study.axes import three

DARKEST = 0.02  # smallest intensity whose logarithm is taken, part of the 99.5th percentile
LARGEST_LOG_BIAS = 1.0  # the polynomial is held within it outside the voxels of the fit
FIRST_BIAS = 3  # iterations before the bias field is fitted, so that means have settled
TINY = 1e-30
UNLIKELY = 1e-6  # density of any intensity in every class: where all others are less, priors hold
RARE = 1e-3  # product of two priors below which no voxel holds both

Moments = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Mixture:
    """means, variances: (classes,), of corrected intensities. bias: (terms,), of ln b."""

    means: np.ndarray
    variances: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Classes:
    """What is known of the classes before an image is seen."""

    brain: np.ndarray
    """(classes,) whether a class belongs to the brain."""
    places: np.ndarray
    """(classes, classes): with which weights the means of the landmarks (CSF, cortex, white
    matter) make that of each other class of the brain; NaN for all other classes."""


def basis(shape: tuple[int, int, int], where: np.ndarray, order: int) -> np.ndarray:
    """Products of Legendre polynomials of total order 1 .. `order`, (voxels, terms) float32.

    Args:
        shape: of the grid, which spans -1 .. 1 along each axis.
        where: (voxels,) flat indices into it.
    """
    lines = [legvander(np.linspace(-1, 1, n), order).astype(np.float32) for n in shape]
    at = np.unravel_index(where, shape)
    terms = np.empty((len(where), len(degrees(order))), np.float32)
    for number, each in enumerate(degrees(order)):
        terms[:, number] = np.prod(
            [line[index, degree] for line, index, degree in zip(lines, at, each, strict=True)],
            axis=0,
        )
    return terms


def degrees(order: int) -> list[tuple[int, int, int]]:
    """Degrees along the three axes of the terms of total order 1 .. `order`."""
    found = product(range(order + 1), repeat=3)
    return [three(each) for each in found if 0 < sum(each) <= order]


def bias_image(shape: tuple[int, int, int], bias: np.ndarray, order: int) -> np.ndarray:
    """The bias field b on a whole grid, float32; the same as by `basis`, axis by axis."""
    cube = np.zeros((order + 1,) * 3)
    for each, value in zip(degrees(order), bias, strict=True):
        cube[each] = value
    log_bias = leggrid3d(*(np.linspace(-1, 1, n) for n in shape), cube)  # type: ignore[call-overload]  # three axes
    return np.exp(np.clip(log_bias, -LARGEST_LOG_BIAS, LARGEST_LOG_BIAS)).astype(np.float32)


def corrected(x: np.ndarray, terms: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Intensities divided by the bias field, (voxels,) float32."""
    log_bias = np.clip(terms @ bias.astype(np.float32), -LARGEST_LOG_BIAS, LARGEST_LOG_BIAS)
    return x * np.exp(-log_bias)


def densities(y: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """N(y; mean, variance), float32; all of one shape, or broadcast together."""
    result = y - mean
    result *= result
    result *= np.float32(-0.5) / variance
    np.exp(result, out=result)
    result *= np.float32(1 / np.sqrt(2 * np.pi)) / np.sqrt(variance)
    return result


def pairs(brain: np.ndarray) -> list[tuple[int, int]]:
    """Classes that share voxels: all pairs of which one at least belongs to the brain."""
    return [(i, j) for i, j in combinations(range(len(brain)), 2) if brain[i] or brain[j]]


def posteriors(
    y: np.ndarray, priors: np.ndarray, found: Moments, brain: np.ndarray, params: MixtureParams
) -> tuple[np.ndarray, np.ndarray]:
    """Probability that a voxel is of one class alone, and part of it that each class fills.

    A voxel counts as two parts, each of a class by its priors, which differ at most where
    `params.mixed` allows it: it is of class i alone with the prior P_i (1 - m (1 - P_i)), and
    holds both i and j with the prior 2 m P_i P_j, fractions uniform. Then the mean fraction of a
    class is its prior. Mixed voxels have the mean and variance of their fractions.

    Args:
        y: (voxels,) corrected intensities.
        priors: (classes, voxels).
        found: means and variances, (classes,).
        brain: (classes,) whether a class belongs to the brain.

    Returns:
        Two arrays (classes, voxels) float32; the second sums to 1.
    """
    means, variances = (part.astype(np.float32) for part in found)
    mixed = np.float32(params.mixed)
    alone = priors * (1 - mixed * (1 - priors))
    alone *= densities(y[None], means[:, None], variances[:, None])
    filled = alone + np.float32(UNLIKELY) * priors
    for i, j in pairs(brain) if params.mixed else ():
        both = priors[i] * priors[j]
        at = np.flatnonzero(both > RARE)
        weight, values = both[at] * (2 * mixed / params.fractions), y[at]
        for fraction in (np.arange(params.fractions, dtype=np.float32) + 0.5) / params.fractions:
            mean = fraction * means[i] + (1 - fraction) * means[j]
            variance = fraction * variances[i] + (1 - fraction) * variances[j]
            density = weight * densities(values, mean, variance)
            filled[i, at] += fraction * density
            filled[j, at] += (1 - fraction) * density
    total = np.maximum(filled.sum(0), TINY)
    alone /= total
    filled /= total
    return alone, filled


def moments(y: np.ndarray, weights: np.ndarray, params: MixtureParams) -> Moments:
    """Weighted means and variances of every class, variances drawn towards the prior one."""
    w, y = weights.astype(np.float64), y.astype(np.float64)
    total = w.sum(1)
    means = (w @ y) / np.maximum(total, TINY)
    spread = np.maximum(w @ (y * y) - total * means**2, 0)
    prior = params.prior_weight
    return means, (spread + prior * params.prior_variance) / (total + prior)


def bias_field(
    x: np.ndarray,
    terms: np.ndarray,
    weights: np.ndarray,
    moments: Moments,
    penalty: float,
) -> np.ndarray:
    """Coefficients of ln b: weighted least squares of ln x - ln mu_k.

    By the delta method ln x has the variance v_k / mu_k^2, so that a voxel weighs
    sum_k r_k mu_k^2 / v_k: dark tissues say little.

    Args:
        x: (voxels,). terms: (voxels, terms). weights: r_k of the brain's tissues, others zero.
    """
    means, variances = moments
    logs = np.log(np.maximum(means, DARKEST))
    precision = np.exp(2 * logs) / variances
    each = (precision @ weights).astype(np.float64)
    target = np.log(np.maximum(x, DARKEST)) * each - (precision * logs) @ weights
    design = terms.astype(np.float64)
    square = design.T @ (design * each[:, None])
    square += penalty * each.sum() * np.eye(design.shape[1])
    return np.linalg.solve(square, design.T @ target)


def expected_means(means: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Means that those of the landmarks make likely, (classes,); NaN where none do."""
    return places @ means


def drawn_to(found: Moments, totals: np.ndarray, goals: np.ndarray, weight: float) -> Moments:
    """Means drawn to their goals, which count as `weight` voxels; NaN draws nothing."""
    means, variances = found
    known = np.isfinite(goals)
    drawn = (totals * means + weight * np.where(known, goals, 0)) / (totals + weight)
    return np.where(known, drawn, means), variances


def fit(
    x: np.ndarray,
    priors: np.ndarray,
    terms: np.ndarray,
    classes: Classes,
    params: MixtureParams,
    start: Mixture | None = None,
) -> Mixture:
    """Fit means, variances and bias field in turn, from voxels of one class.

    Args:
        x: (voxels,) float32 intensities.
        priors: (classes, voxels) float32.
        terms: of `basis`, (voxels, terms).
        classes: what is known of them; those outside the brain do not shape the field.
        params: of the mixture.
        start: a fit to begin with; the priors alone, and no field, without one.
    """
    bias = np.zeros(terms.shape[1]) if start is None else start.bias
    y = corrected(x, terms, bias)
    found = None if start is None else (start.means, start.variances)
    with threadpool_limits(1):  # the order of a sum would depend on their number
        for iteration in range(params.iterations):
            weights = (
                priors if found is None else posteriors(y, priors, found, classes.brain, params)[0]
            )
            if (found is not None and iteration >= FIRST_BIAS) and terms.shape[1]:
                inside = weights * classes.brain[:, None]
                bias = bias_field(x, terms, inside, found, params.bias_penalty)
                y = corrected(x, terms, bias)
            found = moments(y, weights, params)
            goals = expected_means(found[0], classes.places)
            found = drawn_to(found, weights.sum(1), goals, params.mean_weight)
    means, variances = moments(y, priors, params) if found is None else found
    return Mixture(means, variances, bias)
