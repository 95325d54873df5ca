"""Bootstrap of whole exams: how far a statistic would move with another cohort.

A draw is kept as integer weights of the scans, so that a statistic of all draws is a few matrix
products. Tables are matrices (n_structures, n_subjects) with NaN where a cell is absent.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from stages.statistics.methods.correlation import (
    LEAST_FREEDOM,
    LEAST_SCANS,
    NEARLY_ONE,
    centre_two_way,
    two_way_freedom,
)

LEAST_CLUSTERS = 3
# squared spread within a draw, part of that of all scans, below which a variable is constant
CONSTANT = 1e-10
ROUNDING = 1e-12  # part of the largest value; smaller differences are rounding
Scopes = dict[str, np.ndarray]


class Interval(NamedTuple):
    """Limits of a percentile interval, and the number of draws it was read from."""

    low: float
    high: float
    n_defined: int


def cluster_draws(clusters: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draw as many clusters as there are, with replacement, and return how often each row came.

    Rows of a cluster always come together (cluster bootstrap: Davison and Hinkley 1997, Bootstrap
    Methods and their Application, section 3.8).

    Args:
        clusters: (n,) labels: the exam of each scan.
        n_draws: bootstrap draws.
        rng: source of the draws.

    Returns:
        (n_draws, n) integer weights; no draws of fewer than three clusters: their draws are the
        table itself or one cluster, and an interval would have no width.
    """
    labels, number = np.unique(np.asarray(clusters), return_inverse=True)
    n = len(labels)
    if n < LEAST_CLUSTERS:
        return np.zeros((0, len(number)), dtype=np.int64)
    return rng.multinomial(n, np.full(n, 1.0 / n), size=n_draws)[:, number]


def expanded_level(level: float, n_clusters: int) -> float:
    """Return the level at which a percentile interval of few clusters covers as often as `level`.

    2 Phi(sqrt(n / (n - 1)) t_(n-1)((1 + level) / 2)) - 1: the spread of bootstrap means is that of
    the divisor n, and their tails are normal where Student's are due (Hesterberg 2015, What
    teachers should know about the bootstrap, doi:10.1080/00031305.2015.1089789, section 4.6.2).

    Args:
        level: wanted coverage, between 0 and 1.
        n_clusters: independent units that are drawn, at least 2.
    """
    reach = student.ppf((1.0 + level) / 2.0, n_clusters - 1) * np.sqrt(
        n_clusters / (n_clusters - 1)
    )
    return float(2.0 * norm.cdf(reach) - 1.0)


def interval(values: np.ndarray, level: float, n_clusters: int) -> Interval:
    """Return the percentile interval of the draws at the `expanded_level`.

    Undefined draws (too few different scans in them) are left out: the interval is conditional on
    a defined statistic (Davison and Hinkley 1997, section 5.3).

    Args:
        values: (n_draws,), NaN where undefined.
        level: coverage, between 0 and 1.
        n_clusters: exams that were drawn from.

    Returns:
        Limits, NaN if no draw is defined or three clusters are not there, and the number of defined
        draws.

    Raises:
        ValueError: if the level is not between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"expected a level between 0 and 1, got {level}; 0.95 is usual")
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values) or n_clusters < LEAST_CLUSTERS:
        return Interval(float("nan"), float("nan"), len(values))
    wide = expanded_level(level, n_clusters)
    low, high = np.quantile(values, [(1.0 - wide) / 2.0, (1.0 + wide) / 2.0])
    return Interval(float(low), float(high), len(values))


def cell_matrix(
    table: pd.DataFrame, value: str, structures: list[str], subjects: list[str]
) -> np.ndarray:
    """Return one column of a tidy table as a matrix, NaN where a cell is absent.

    Args:
        table: columns structure, subject and `value`; one row a cell.
        value: column name.
        structures: of the rows.
        subjects: of the columns.

    Returns:
        (n_structures, n_subjects).
    """
    wide = table.pivot(index="structure", columns="subject", values=value)
    return wide.reindex(index=structures, columns=subjects).to_numpy(np.float64)


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
        structures (n_draws, n_structures); per_structure_mean, pooled, within_structure, two_way
        (n_draws,); NaN where undefined.
    """
    present = np.isfinite(x) & np.isfinite(y)
    weights = np.asarray(weights, dtype=np.float64)
    own = _per_structure(x, y, present, weights, kind)
    n_points = int(present.sum(axis=1).max(initial=0))
    return {
        "structures": own,
        "per_structure_mean": fisher_means(own, n_points),
        **_pooled_scopes(x, y, present, weights, kind),
    }


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
    return np.tanh(_ratio(np.sum(np.arctanh(r), axis=-1), count, count > 0))


def _ratio(numerator: np.ndarray, denominator: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.where(where, numerator / np.where(where, denominator, 1.0), np.nan)


def _correlation(xy: np.ndarray, xx: np.ndarray, yy: np.ndarray, where: np.ndarray) -> np.ndarray:
    where = where & (xx > 0) & (yy > 0)
    scale = np.sqrt(np.where(where, xx, 1.0)) * np.sqrt(np.where(where, yy, 1.0))
    return np.clip(_ratio(xy, scale, where), -1.0, 1.0)


class _Sums(NamedTuple):
    """Weighted sums (n_draws, n_structures) of 1, x, y, xx, yy and xy."""

    w: np.ndarray
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    yy: np.ndarray
    xy: np.ndarray

    def pooled(self) -> "_Sums":
        return _Sums(*(part.sum(axis=-1) for part in self))

    def centred(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        w = np.where(self.w > 0, self.w, 1.0)
        return (
            self.xy - self.x * self.y / w,
            self.xx - self.x**2 / w,
            self.yy - self.y**2 / w,
        )


def _sums(x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray) -> _Sums:
    x, y = np.where(present, x, 0.0), np.where(present, y, 0.0)
    columns = np.concatenate([present.astype(np.float64), x, y, x * x, y * y, x * y])
    return _Sums(*np.split(weights @ columns.T, 6, axis=-1))


def _floor(values: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return the sum of squares below which `values`, centred, are constant in a draw."""
    return CONSTANT * total * np.nanmean(values**2) if np.isfinite(values).any() else 0.0 * total


def _structure_centred(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return values less their structure's mean, NaN where absent, rounding taken for zero."""
    count = present.sum(axis=1, keepdims=True)
    total = np.where(present, values, 0.0).sum(axis=1, keepdims=True)
    centred = np.where(present, values - total / np.maximum(count, 1), np.nan)
    return _without_rounding(centred, values)


def _without_rounding(centred: np.ndarray, values: np.ndarray) -> np.ndarray:
    scale = np.max(np.abs(values), initial=0.0, where=np.isfinite(values))
    return np.where(np.abs(centred) <= ROUNDING * scale, 0.0, centred)


def _cells_drawn(present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return how many different scans of each structure a draw holds, (n_draws, n_structures)."""
    return (weights > 0).astype(np.float64) @ present.T.astype(np.float64)


def _per_structure(
    x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray, kind: str
) -> np.ndarray:
    """Return (n_draws, n_structures)."""
    x, y = _structure_centred(x, present), _structure_centred(y, present)
    sums = _sums(x, y, present, weights)
    xy, xx, yy = sums.centred()
    spread_x = np.where(present, x, 0.0) ** 2
    spread_y = np.where(present, y, 0.0) ** 2
    count = np.maximum(present.sum(axis=1), 1)
    enough = _cells_drawn(present, weights) >= LEAST_SCANS
    enough &= xx > CONSTANT * sums.w * spread_x.sum(axis=1) / count
    enough &= yy > CONSTANT * sums.w * spread_y.sum(axis=1) / count
    if kind == "pearson":
        return _correlation(xy, xx, yy, enough)
    r = np.full(enough.shape, np.nan)
    for k, here in enumerate(present):
        w = weights[:, here]
        ranked = [_fixed_ranks(v[k, here], w) for v in (x, y)]
        r[:, k] = weighted_pearson(*ranked, w)
    return np.where(enough, r, np.nan)


def _fixed_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return mean ranks in every draw of values (n,) that all draws share: (n_draws, n)."""
    below = (values < values[:, None]) + 0.5 * (values == values[:, None])
    return weights @ below.T + 0.5


def weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean rank of each value where value i stands w_i times.

    Args:
        values: (n_draws, n).
        weights: (n_draws, n).

    Returns:
        (n_draws, n); rank of the copies of a value, of itself alone (0.5 below) if its weight is 0.
    """
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    w = np.take_along_axis(weights, order, axis=-1).astype(np.float64)
    upto = np.cumsum(w, axis=-1)
    edge = np.ones((len(values), 1), dtype=bool)
    new = np.concatenate([edge, ordered[:, 1:] != ordered[:, :-1]], axis=-1)
    last = np.concatenate([new[:, 1:], edge], axis=-1)
    start = np.maximum.accumulate(np.where(new, upto - w, 0.0), axis=-1)
    backwards = np.where(last, upto, np.inf)[:, ::-1]
    end = np.minimum.accumulate(backwards, axis=-1)[:, ::-1]
    ranks = np.empty_like(upto)
    np.put_along_axis(ranks, order, (start + end + 1.0) / 2.0, axis=-1)
    return ranks


def weighted_pearson(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Pearson's r of ranks that stand w times each, NaN where all are the same.

    Args:
        x: (n_draws, n) or (n,).
        y: (n_draws, n) or (n,).
        weights: (n_draws, n).

    Returns:
        (n_draws,).
    """
    w = np.asarray(weights, dtype=np.float64)
    total = np.maximum(w.sum(axis=-1, keepdims=True), 1.0)
    x, y = (v - np.sum(w * v, axis=-1, keepdims=True) / total for v in (x, y))
    xx, yy = (np.sum(w * v * v, axis=-1) for v in (x, y))
    enough = (xx > ROUNDING * total[..., 0]) & (yy > ROUNDING * total[..., 0])
    return _correlation(np.sum(w * x * y, axis=-1), xx, yy, enough)


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
    return _ratio(explained, yy, (free >= 1) & (yy > CONSTANT * total * spread))


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


def _pooled_scopes(
    x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray, kind: str
) -> Scopes:
    cells = _cells_drawn(present, weights).sum(axis=1)
    enough = {"pooled": cells >= LEAST_SCANS, "within_structure": cells >= LEAST_SCANS}
    enough["two_way"] = _freedom_drawn(present, weights) >= LEAST_FREEDOM
    if kind == "pearson":
        found = {
            "pooled": _pooled(x, y, present, weights),
            "within_structure": within_draws(x, y, weights),
            "two_way": _two_way(x, y, present, weights),
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
    """Return Pearson's r over all cells in every draw; arguments and result of `within_draws`."""
    return _pooled(x, y, np.isfinite(x) & np.isfinite(y), np.asarray(weights, dtype=np.float64))


def _pooled(x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    if not present.any():
        return np.full(len(weights), np.nan)
    x, y = (np.where(present, v, np.nan) for v in (x, y))
    x, y = (_without_rounding(v - np.nanmean(v), v) for v in (x, y))
    sums = _sums(x, y, present, weights).pooled()
    return _defined_correlation(sums.centred(), x, y, sums.w)


def within_draws(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Pearson's r over all cells, centred per structure with the means of each draw.

    Args:
        x: (n_structures, n_subjects), NaN where absent.
        y: (n_structures, n_subjects), NaN where absent.
        weights: (n_draws, n_subjects).

    Returns:
        (n_draws,), NaN where undefined.
    """
    present = np.isfinite(x) & np.isfinite(y)
    x, y = _structure_centred(x, present), _structure_centred(y, present)
    sums = _sums(x, y, present, np.asarray(weights, dtype=np.float64))
    centred = tuple(part.sum(axis=-1) for part in sums.centred())
    return _defined_correlation(centred, x, y, sums.w.sum(axis=-1))


def _defined_correlation(
    centred: tuple[np.ndarray, ...], x: np.ndarray, y: np.ndarray, total: np.ndarray
) -> np.ndarray:
    xy, xx, yy = centred
    return _correlation(xy, xx, yy, (xx > _floor(x, total)) & (yy > _floor(y, total)))


def _two_way_effects(
    values: np.ndarray, present: np.ndarray, weights: np.ndarray, inverse: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what structures add, and the sums it is fitted to, (n_draws, n_structures) each.

    Args:
        values: (n_structures, n_subjects) less the mean of each subject, 0 where absent.
        present: (n_structures, n_subjects).
        weights: (n_draws, n_subjects).
        inverse: (n_draws, n_structures, n_structures) of `_two_way_inverse`.
    """
    sums = weights @ np.where(present, values, 0.0).T
    return np.einsum("bij,bj->bi", inverse, sums), sums


def _two_way_inverse(present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the pseudo-inverse of the normal equations of structures, subjects eliminated."""
    here = present.astype(np.float64)
    if present.all():
        centring = np.eye(len(here)) - 1.0 / max(len(here), 1)
        return centring / weights.sum(axis=1)[:, None, None]
    count = np.maximum(here.sum(axis=0), 1.0)
    own = here.T[:, :, None] * np.eye(len(here))
    each = own - here.T[:, :, None] * here.T[:, None, :] / count[:, None, None]
    n = len(here)
    equations = (weights @ each.reshape(len(count), -1)).reshape(-1, n, n)
    return np.linalg.pinv(equations, rcond=CONSTANT, hermitian=True)


def _subject_centred(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    centred = _structure_centred(values.T, present.T).T
    return np.where(present, centred, 0.0)


def _two_way(x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    inverse = _two_way_inverse(present, weights)
    # taking the table's own effects out first leaves nothing large to cancel
    x, y = (_two_way_residual(v, present) for v in (x, y))
    u, v = (_subject_centred(values, present) for values in (x, y))
    (a, sum_u), (b, sum_v) = (_two_way_effects(t, present, weights, inverse) for t in (u, v))
    moments = [(u * v).sum(axis=0), (u * u).sum(axis=0), (v * v).sum(axis=0)]
    fitted = [(a * sum_v).sum(axis=1), (a * sum_u).sum(axis=1), (b * sum_v).sum(axis=1)]
    centred = tuple(weights @ m - f for m, f in zip(moments, fitted, strict=True))
    total = (weights @ present.T.astype(np.float64)).sum(axis=1)
    return _defined_correlation(centred, x, y, total)


def _two_way_residual(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(present)
    centred = np.full(values.shape, np.nan)
    centred[present] = centre_two_way(values[present], rows, columns)
    return centred


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
    weights = np.asarray(weights, dtype=np.float64)
    enough = _cells_drawn(present, weights).sum(axis=1) >= LEAST_SCANS
    found = _structure_ranks(x, y, present, weights)
    return {name: np.where(enough, r, np.nan) for name, r in found.items()}


def _structure_ranks(
    x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray
) -> Scopes:
    w = weights[:, np.nonzero(present)[1]]
    pooled = [_fixed_ranks(values[present], w) for values in (x, y)]
    within = [weighted_ranks(_centred_in_draws(values, present, weights), w) for values in (x, y)]
    return {
        "pooled": weighted_pearson(*pooled, w),
        "within_structure": weighted_pearson(*within, w),
    }


def _pooled_ranks(x: np.ndarray, y: np.ndarray, present: np.ndarray, weights: np.ndarray) -> Scopes:
    """Return Spearman's coefficient in the scopes over structures."""
    w = weights[:, np.nonzero(present)[1]]
    inverse = _two_way_inverse(present, weights)
    both = [
        weighted_ranks(_two_way_in_draws(values, present, weights, inverse), w) for values in (x, y)
    ]
    found = _structure_ranks(x, y, present, weights)
    return found | {"two_way": weighted_pearson(*both, w)}


def _centred_in_draws(values: np.ndarray, present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (n_draws, n_cells) less the mean of the structure in the draw."""
    centred = _structure_centred(values, present)
    filled = np.where(present, centred, 0.0)
    count = weights @ present.T.astype(np.float64)
    mean = _ratio(weights @ filled.T, count, count > 0)
    moved = filled[None] - np.where(np.isfinite(mean), mean, 0.0)[:, :, None]
    return _without_rounding(moved[:, present], values)


def _two_way_in_draws(
    values: np.ndarray, present: np.ndarray, weights: np.ndarray, inverse: np.ndarray
) -> np.ndarray:
    """Return (n_draws, n_cells) less the effects of structure and subject in the draw."""
    residual = _subject_centred(_two_way_residual(values, present), present)
    effects, _ = _two_way_effects(residual, present, weights, inverse)
    count = np.maximum(present.sum(axis=0), 1)
    mean = effects @ (present / count)
    moved = residual[None] - effects[:, :, None] + mean[:, None, :]
    return _without_rounding(moved[:, present], values)
