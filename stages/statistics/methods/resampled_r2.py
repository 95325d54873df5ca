"""R^2 of a regression in every draw of a bootstrap."""

import numpy as np

from stages.statistics.methods.weighted import CONSTANT, ROUNDING, quotient


def r2_draws(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the in-sample R^2 of the fit with intercept in every draw.

    A draw holds scans twice and fits them more easily: draws lie above the R^2 of the table by
    about its own optimism, so their interval tells the spread, not where a new cohort would lie.

    Args:
        x: (n, n_predictors).
        y: (n,).
        weights: (n_draws, n) of the rows.

    Returns:
        (n_draws,), NaN where `in_sample_r2` of the draw's different rows is.
    """
    w = np.asarray(weights, dtype=np.float64)
    basis = _orthonormal(x)
    y = y - y.mean()
    spread = float(np.mean(y**2))
    n, p = basis.shape
    columns = np.concatenate([basis, y[:, None]], axis=1)
    products = (columns[:, :, None] * columns[:, None, :]).reshape(n, -1)
    total = w.sum(axis=1)
    sums = w @ columns
    gram = (w @ products).reshape(-1, p + 1, p + 1)
    gram -= sums[:, :, None] * sums[:, None, :] / total[:, None, None]
    yy = gram[:, p, p]
    size, vectors = np.linalg.eigh(gram[:, :p, :p])
    kept = size > CONSTANT * np.maximum(size.max(axis=1, keepdims=True, initial=0.0), ROUNDING)
    along = np.einsum("bij,bi->bj", vectors, gram[:, :p, p])
    explained = np.sum(np.where(kept, along**2 / np.where(kept, size, 1.0), 0.0), axis=1)
    free = (w > 0).sum(axis=1) - kept.sum(axis=1) - 1
    return quotient(explained, yy, (free >= 1) & (yy > CONSTANT * total * spread))


def _orthonormal(x: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis (n, rank) of the centred, scaled predictors."""
    x = np.asarray(x, dtype=np.float64)
    spread = x.std(axis=0)
    varies = spread > ROUNDING * np.abs(x).max(axis=0, initial=0.0)
    x = (x[:, varies] - x[:, varies].mean(axis=0)) / spread[varies]
    if not x.size:
        return np.zeros((len(x), 0))
    left, size, _ = np.linalg.svd(x, full_matrices=False)
    return left[:, size > size[0] * max(x.shape) * np.finfo(np.float64).eps]
