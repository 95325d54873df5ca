"""Gaussian mixture with spatial priors and a bias field, fitted by expectation maximisation.

x = b y, y ~ N(mu_k, v_k) with prior probability P_k at the voxel, ln b a polynomial of the
position. Ashburner and Friston 2005, doi:10.1016/j.neuroimage.2005.02.018.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.polynomial.legendre import leggrid3d, legvander
from threadpoolctl import threadpool_limits

from stages.params.atlas import MixtureParams
from stages.study.axes import three

DARKEST = 0.02  # smallest intensity whose logarithm is taken, part of the 99.5th percentile
LARGEST_LOG_BIAS = 1.0  # the polynomial is held within it outside the voxels of the fit
FIRST_BIAS = 3  # iterations before the bias field is fitted, so that means have settled
TINY = 1e-30


@dataclass(frozen=True)
class Mixture:
    """means, variances: (tissues,), of corrected intensities. bias: (terms,), of ln b."""

    means: np.ndarray
    variances: np.ndarray
    bias: np.ndarray


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


def posteriors(
    y: np.ndarray, priors: np.ndarray, means: np.ndarray, variances: np.ndarray
) -> np.ndarray:
    """P_k N(y; mu_k, v_k) / sum over tissues, (tissues, voxels) float32.

    Args:
        y: (voxels,) corrected intensities.
        priors: (tissues, voxels).
    """
    means, variances = means.astype(np.float32), variances.astype(np.float32)
    logs = y[None] - means[:, None]
    logs *= logs
    logs *= (-0.5 / variances)[:, None]
    logs -= 0.5 * np.log(variances)[:, None]
    logs += np.log(np.maximum(priors, TINY))
    logs -= logs.max(0)
    result = np.exp(logs, out=logs)
    result *= priors > 0
    result /= np.maximum(result.sum(0), TINY)
    return result


def moments(
    y: np.ndarray, weights: np.ndarray, params: MixtureParams
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means and variances of every tissue, variances drawn towards the prior one."""
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
    moments: tuple[np.ndarray, np.ndarray],
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


def fit(
    x: np.ndarray, priors: np.ndarray, terms: np.ndarray, brain: np.ndarray, params: MixtureParams
) -> Mixture:
    """Fit means, variances and bias field in turn.

    Args:
        x: (voxels,) float32 intensities.
        priors: (tissues, voxels) float32.
        terms: of `basis`, (voxels, terms).
        brain: (tissues,) whether a tissue belongs to the brain; others do not shape the field.
    """
    weights, bias, y = priors, np.zeros(terms.shape[1]), x
    with threadpool_limits(1):  # the order of a sum would depend on their number
        for iteration in range(params.iterations):
            found = moments(y, weights, params)
            weights = posteriors(y, priors, *found)
            if iteration >= FIRST_BIAS and terms.shape[1]:
                inside = weights * brain[:, None]
                bias = bias_field(x, terms, inside, found, params.bias_penalty)
                y = corrected(x, terms, bias)
        return Mixture(*moments(y, weights, params), bias)
