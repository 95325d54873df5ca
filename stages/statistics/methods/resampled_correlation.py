"""Correlations of weighted scans: in every draw of a bootstrap, or without each subject."""

import numpy as np

from stages.statistics.methods.bootstrap import for_distinct
from stages.statistics.methods.correlation import (
    LEAST_FREEDOM,
    LEAST_SCANS,
    NEARLY_ONE,
    two_way_freedom,
)
from stages.statistics.methods.two_way import two_way_draws, two_way_in_draws, two_way_inverse
from stages.statistics.methods.weighted import (
    CONSTANT,
    correlation,
    defined_correlation,
    fixed_ranks,
    quotient,
    structure_centred,
    sums_of,
    weighted_pearson,
    weighted_ranks,
    without_rounding,
)

Scopes = dict[str, np.ndarray]


def correlation_draws(x: np.ndarray, y: np.ndarray, weights: np.ndarray, kind: str) -> Scopes:
    """Return a correlation in every draw, in every scope of `correlation_table`.

    Means, centring and ranks are those of the draw: a draw of weights w equals the table in which
    scan s stands w_s times.

    Args:
        x: (n_structures, n_subjects), NaN where absent.
        y: (n_structures, n_subjects), absent where x is.
        weights: (n_draws, n_subjects).
        kind: "pearson" or "spearman".

    Returns:
        per_structure_mean, pooled, within_structure, two_way (n_draws,); NaN where undefined.
    """
    present = np.isfinite(x) & np.isfinite(y)
    n_points = int(present.sum(axis=1).max(initial=0))

    def scopes(weights: np.ndarray) -> Scopes:
        return {
            "per_structure_mean": fisher_means(
                _per_structure(x, y, present, weights, kind), n_points
            ),
            **_pooled_scopes(x, y, present, weights, kind),
        }

    return for_distinct(np.asarray(weights, dtype=np.float64), scopes)


def fisher_means(coefficients: np.ndarray, n_points: int) -> np.ndarray:
    """Return `fisher_mean` along the last axis.

    Args:
        coefficients: (..., n_structures), NaN where undefined.
        n_points: scans each coefficient was computed from.

    Returns:
        (...), NaN without a defined coefficient.
    """
    r = np.asarray(coefficients, dtype=np.float64)
    n = max(n_points, 2)
    limit = 1.0 - 6.0 / (n * (n**2 - 1.0))
    defined = np.isfinite(r)
    r = np.where(defined, r, 0.0)
    r = np.where(np.abs(r) > NEARLY_ONE, np.sign(r) * limit, r)
    count = defined.sum(axis=-1)
    return np.tanh(quotient(np.sum(np.arctanh(r), axis=-1), count, count > 0))


def _pairs_drawn(present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return how many different scans of each structure a draw holds, (n_draws, n_structures)."""
    return (weights > 0).astype(np.float64) @ present.T.astype(np.float64)


def _per_structure(
    x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray, kind: str
) -> np.ndarray:
    """Return (n_draws, n_structures)."""
    x, y = structure_centred(x, present), structure_centred(y, present)
    sums = sums_of(x, y, present, weights)
    xy, xx, yy = sums.centred()
    spread_x = np.where(present, x, 0.0) ** 2
    spread_y = np.where(present, y, 0.0) ** 2
    count = np.maximum(present.sum(axis=1), 1)
    enough = _pairs_drawn(present, weights) >= LEAST_SCANS
    enough &= xx > CONSTANT * sums.w * spread_x.sum(axis=1) / count
    enough &= yy > CONSTANT * sums.w * spread_y.sum(axis=1) / count
    if kind == "pearson":
        return correlation(xy, xx, yy, enough)
    r = np.full(enough.shape, np.nan)
    for k, here in enumerate(present):
        w = weights[:, here]
        u, v = (fixed_ranks(values[k, here], w) for values in (x, y))
        r[:, k] = weighted_pearson(u, v, w)
    return np.where(enough, r, np.nan)


def _pooled_scopes(
    x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray, kind: str
) -> Scopes:
    pairs = _pairs_drawn(present, weights).sum(axis=1)
    enough = {"pooled": pairs >= LEAST_SCANS, "within_structure": pairs >= LEAST_SCANS}
    enough["two_way"] = _freedom_drawn(present, weights) >= LEAST_FREEDOM
    if kind == "pearson":
        found = {
            "pooled": _pooled(x, y, present, weights),
            "within_structure": within_draws(x, y, weights),
            "two_way": two_way_draws(x, y, present, weights),
        }
    else:
        found = _pooled_ranks(x, y, present, weights)
    return {name: np.where(enough[name], r, np.nan) for name, r in found.items()}


def _freedom_drawn(present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    drawn = weights > 0
    here = drawn.astype(np.float64) @ present.T.astype(np.float64)
    subjects = (drawn & present.any(axis=0)).sum(axis=1)
    return two_way_freedom(here.sum(axis=1), (here > 0).sum(axis=1), subjects)


def pooled_draws(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Pearson's r over all pairs in every draw; arguments and result of `within_draws`."""
    return _pooled(x, y, np.isfinite(x) & np.isfinite(y), np.asarray(weights, dtype=np.float64))


def _pooled(x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    if not present.any():
        return np.full(len(weights), np.nan)
    x, y = (np.where(present, v, np.nan) for v in (x, y))
    x, y = (without_rounding(v - np.nanmean(v), v) for v in (x, y))
    sums = sums_of(x, y, present, weights).pooled()
    return defined_correlation(sums.centred(), x, y, sums.w)


def within_draws(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Pearson's r over all pairs, centred per structure with the means of each draw.

    Args:
        x: (n_structures, n_subjects), NaN where absent.
        y: (n_structures, n_subjects), NaN where absent.
        weights: (n_draws, n_subjects).

    Returns:
        (n_draws,), NaN where undefined.
    """
    present = np.isfinite(x) & np.isfinite(y)
    x, y = structure_centred(x, present), structure_centred(y, present)
    sums = sums_of(x, y, present, np.asarray(weights, dtype=np.float64))
    centred = tuple(part.sum(axis=-1) for part in sums.centred())
    return defined_correlation(centred, x, y, sums.w.sum(axis=-1))


def rank_draws(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Scopes:
    """Return Spearman's coefficient as `correlation_draws` does, pooled and within structures.

    Args:
        x: (n_structures, n_subjects), NaN where absent.
        y: (n_structures, n_subjects), NaN where absent.
        weights: (n_draws, n_subjects).

    Returns:
        pooled, within_structure (n_draws,); NaN where undefined.
    """
    present = np.isfinite(x) & np.isfinite(y)

    def scopes(weights: np.ndarray) -> Scopes:
        enough = _pairs_drawn(present, weights).sum(axis=1) >= LEAST_SCANS
        found = _structure_ranks(x, y, present, weights)
        return {name: np.where(enough, r, np.nan) for name, r in found.items()}

    return for_distinct(np.asarray(weights, dtype=np.float64), scopes)


def _structure_ranks(
    x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray
) -> Scopes:
    w = weights[:, np.nonzero(present)[1]]
    pooled = [fixed_ranks(values[present], w) for values in (x, y)]
    within = [weighted_ranks(_centred_in_draws(values, present, weights), w) for values in (x, y)]
    return {
        "pooled": weighted_pearson(pooled[0], pooled[1], w),
        "within_structure": weighted_pearson(within[0], within[1], w),
    }


def _pooled_ranks(x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray) -> Scopes:
    """Return Spearman's coefficient in the scopes over structures."""
    w = weights[:, np.nonzero(present)[1]]
    inverse = two_way_inverse(present, weights)
    both = [
        weighted_ranks(two_way_in_draws(values, present, weights, inverse), w) for values in (x, y)
    ]
    found = _structure_ranks(x, y, present, weights)
    return found | {"two_way": weighted_pearson(both[0], both[1], w)}


def _centred_in_draws(values: np.ndarray, present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (n_draws, n_pairs) less the mean of the structure in the draw."""
    centred = structure_centred(values, present)
    filled = np.where(present, centred, 0.0)
    count = weights @ present.T.astype(np.float64)
    mean = quotient(weights @ filled.T, count, count > 0)
    moved = filled[None] - np.where(np.isfinite(mean), mean, 0.0)[:, :, None]
    return without_rounding(moved[:, present], values)
