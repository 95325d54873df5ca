"""Statistical significance of a correlation: subjects exchanged, all structures at once.

Structures of one scan share its image and its motion, so the null keeps them together: one
permutation moves the whole column of a scan.
"""

from collections.abc import Callable
from functools import partial
from itertools import permutations, product
from math import factorial, prod
from typing import NamedTuple

import numpy as np
from scipy.stats import false_discovery_control, rankdata

from stages.statistics.methods.bootstrap import for_distinct
from stages.statistics.methods.correlation import (
    LEAST_FREEDOM,
    LEAST_SCANS,
    centre,
    centre_two_way,
    two_way_freedom,
)
from stages.statistics.methods.resampled_correlation import Scopes, fisher_means

LEAST_ARRANGEMENTS = 100  # of subjects: with fewer no p could fall to .01
TIE = 1e-9  # statistics closer than this are the same value in another order of summation


class Permutations(NamedTuple):
    """Orders of the scans, (n_permutations, n_subjects) indices, and what was exchanged."""

    order: np.ndarray
    """All orders but that of the study where they are few, else random ones."""
    unit: str

    @property
    def smallest_p(self) -> float:
        """Return the smallest p there can be; a test below it cannot reject."""
        return 1.0 / (1.0 + len(self.order))


def joint_permutations(
    clusters: np.ndarray, n_permutations: int, rng: np.random.Generator
) -> Permutations:
    """Return the orders of the scans under which whole subjects change places.

    Where there are no more than `n_permutations` of them, all but the given one are taken, each
    once: random ones of four subjects repeat, and p would fall below the 1 / 24 that is possible.

    Subjects with equally many scans are exchangeable (whole-block exchange: Winkler et al. 2015,
    NeuroImage 123). Where sizes differ so much that fewer than `LEAST_ARRANGEMENTS` exist, scans
    change places instead: that takes scans of one subject for independent.

    Args:
        clusters: (n_subjects,) labels, the subject of each scan.
        n_permutations: random orders; repetitions are possible.
        rng: source of the random orders.

    Returns:
        The orders, and the unit: "subjects", "subjects with equally many scans", or "scans".
    """
    clusters = np.asarray(clusters)
    blocks = [np.nonzero(clusters == label)[0] for label in dict.fromkeys(clusters.tolist())]
    classes = [
        np.stack([block for block in blocks if len(block) == size])
        for size in sorted({len(block) for block in blocks})
    ]
    unit = "subjects" if len(classes) <= 1 else "subjects with equally many scans"
    if len(classes) > 1 and _arrangements(classes) < LEAST_ARRANGEMENTS:
        classes, unit = [np.arange(len(clusters))[:, None]], "scans"
    if _arrangements(classes) <= n_permutations:
        return Permutations(_every_order(classes, len(clusters)), unit)
    order = np.tile(np.arange(len(clusters)), (n_permutations, 1))
    for members in classes:
        moved = rng.permuted(np.tile(np.arange(len(members)), (n_permutations, 1)), axis=1)
        order[:, members.ravel()] = members[moved].reshape(n_permutations, members.size)
    return Permutations(order, unit)


def _arrangements(classes: list[np.ndarray]) -> int:
    return prod(factorial(len(members)) for members in classes)


def _every_order(classes: list[np.ndarray], n_subjects: int) -> np.ndarray:
    """Return all orders but the first, which changes nothing."""
    every = list(product(*(permutations(range(len(members))) for members in classes)))
    order = np.tile(np.arange(n_subjects), (len(every), 1))
    for row, moves in zip(order, every, strict=True):
        for members, moved in zip(classes, moves, strict=True):
            row[members.ravel()] = members[list(moved)].ravel()
    return order[1:]


def permuted_correlations(x: np.ndarray, y: np.ndarray, order: np.ndarray, kind: str) -> Scopes:
    """Return a correlation after each reordering of the predictor's scans.

    Values are ranked and centred once; only pairs that exist in both then meet. Without absent
    pairs this equals ranking and centring anew. The pooled scope has no place here: reordering
    scans leaves what sets structures apart, its permutation p would be that of the
    within-structure correlation.

    Args:
        x: (n_structures, n_subjects), NaN where absent.
        y: (n_structures, n_subjects), NaN where absent.
        order: (n_permutations, n_subjects), of the columns of `x`.
        kind: "pearson" or "spearman".

    Returns:
        structures (n_permutations, n_structures), standardised by their null deviation
        1 / sqrt(n - 1); per_structure_mean, within_structure and two_way (n_permutations,).
    """
    return for_distinct(order, partial(_correlations, x, y, kind=kind))


def permuted_within(x: np.ndarray, y: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return Pearson's r within structures of `permuted_correlations`, (n_permutations,)."""
    present = np.isfinite(x) & np.isfinite(y)

    def within(order: np.ndarray) -> Scopes:
        common = present[:, order] & present[:, None, :]
        u, v = (_filled(values, present, _within, ranks=False) for values in (x, y))
        return {"r": _paired(u, v, order, common, (0, 2))}

    return for_distinct(order, within)["r"]


def _correlations(x: np.ndarray, y: np.ndarray, order: np.ndarray, kind: str) -> Scopes:
    present = np.isfinite(x) & np.isfinite(y)
    common = present[:, order] & present[:, None, :]
    spearman = kind == "spearman"
    single = [_by_structure(v, present, spearman) for v in (x, y)]
    r = _paired(single[0], single[1], order, common, (2,)).T
    n_met = common.sum(axis=2).T
    n_points = int(present.sum(axis=1).max(initial=0))
    found = {
        "structures": r * np.sqrt(np.maximum(n_met - 1, 0)),
        "per_structure_mean": fisher_means(r, n_points),
    }
    for scope, centred in (("within_structure", _within), ("two_way", _two_way)):
        pair = [_filled(v, present, centred, spearman) for v in (x, y)]
        found[scope] = _paired(pair[0], pair[1], order, common, (0, 2))
    subjects, structures = present.any(axis=0).sum(), present.any(axis=1).sum()
    if two_way_freedom(int(present.sum()), int(structures), int(subjects)) < LEAST_FREEDOM:
        found["two_way"] = np.full(len(order), np.nan)
    return found


def _by_structure(values: np.ndarray, present: np.ndarray, ranks: bool) -> np.ndarray:
    filled = np.zeros(values.shape)
    for k, here in enumerate(present):
        row = rankdata(values[k, here]) if ranks else values[k, here]
        filled[k, here] = centre(row, np.zeros(len(row), dtype=int)) if len(row) else row
    return _settle(filled, values)


def _settle(filled: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the values with rounding taken for zero, so that a constant stays one."""
    scale = np.max(np.abs(values), initial=0.0, where=np.isfinite(values))
    return np.where(np.abs(filled) <= 1e-12 * scale, 0.0, filled)


def _within(values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return centre(values, rows)


def _two_way(values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return centre_two_way(values, rows, columns)


def _filled(
    values: np.ndarray, present: np.ndarray, centred: Callable[..., np.ndarray], ranks: bool
) -> np.ndarray:
    filled = np.zeros(values.shape)
    if present.any():
        pairs = _settle(centred(values[present], *np.nonzero(present)), values)
        pairs = rankdata(pairs) if ranks else pairs
        filled[present] = pairs - pairs.mean()
    return filled


def _paired(
    x: np.ndarray, y: np.ndarray, order: np.ndarray, common: np.ndarray, axes: tuple[int, ...]
) -> np.ndarray:
    """Return Pearson's r over `axes` of (n_structures, n_permutations, n_subjects)."""
    n = common.sum(axis=axes)
    u, v = x[:, order] * common, y[:, None, :] * common
    count = np.maximum(n, 1)
    sum_u, sum_v = u.sum(axis=axes), v.sum(axis=axes)
    kept = "kps,kps->kp" if axes == (2,) else "kps,kps->p"
    xy = np.einsum(kept, u, v) - sum_u * sum_v / count
    xx = np.einsum(kept, u, u) - sum_u**2 / count
    yy = np.einsum(kept, v, v) - sum_v**2 / count
    whole = (1,) if axes == (2,) else (0, 1)
    least_x, least_y = (1e-10 * np.sum(t * t, axis=whole) for t in (x, y))
    shape = (-1, 1) if axes == (2,) else ()
    enough = (n >= LEAST_SCANS) & (xx > least_x.reshape(shape)) & (yy > least_y.reshape(shape))
    scale = np.sqrt(np.where(enough, xx, 1.0)) * np.sqrt(np.where(enough, yy, 1.0))
    return np.where(enough, np.clip(xy / scale, -1.0, 1.0), np.nan)


def p_value(observed: float, null: np.ndarray) -> float:
    """Return the two-sided p = (1 + #{|null| >= |observed|}) / (1 + #null).

    The observed order is one of the possible ones (Phipson and Smyth 2010, Stat. Appl. Genet. Mol.
    Biol. 9); undefined permutations are left out.

    Args:
        observed: the statistic, NaN gives NaN.
        null: (n_permutations,).
    """
    null = np.asarray(null, dtype=np.float64)
    null = np.abs(null[np.isfinite(null)])
    if not np.isfinite(observed) or not len(null):
        return float("nan")
    return float((1 + np.sum(null >= abs(observed) - TIE)) / (1 + len(null)))


def critical_value(null: np.ndarray, alpha: float) -> float:
    """Return the size that a statistic had to exceed for `p_value` <= alpha.

    Args:
        null: (n_permutations,).
        alpha: level of the test.

    Returns:
        A value of |null|; NaN where so few permutations are defined that none could.
    """
    null = np.asarray(null, dtype=np.float64)
    size = np.sort(np.abs(null[np.isfinite(null)]))[::-1]
    n_allowed = int(np.floor(alpha * (len(size) + 1) + TIE)) - 1
    return float(size[n_allowed]) if 0 <= n_allowed < len(size) else float("nan")


def max_t_p(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Return family-wise p of each structure against the largest statistic over structures.

    p_k = (1 + #{max_j |null_j| >= |observed_k|}) / (1 + #null) (single-step max-T: Westfall and
    Young 1993, Resampling-Based Multiple Testing).

    Args:
        observed: (n_structures,), standardised, NaN where undefined.
        null: (n_permutations, n_structures).

    Returns:
        (n_structures,), NaN where undefined.
    """
    size = np.where(np.isfinite(null), np.abs(null), -np.inf)
    largest = size.max(axis=1, initial=-np.inf)
    return np.array([p_value(value, largest) for value in observed])


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Return p adjusted for the false discovery rate by `scipy.stats.false_discovery_control`.

    Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57.

    Args:
        p: (m,), NaN where undefined: no test, not counted in m.

    Returns:
        (m,), NaN where undefined.
    """
    p = np.asarray(p, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    defined = np.isfinite(p)
    if defined.any():
        adjusted[defined] = false_discovery_control(p[defined])
    return adjusted
