"""How well subjects are predicted that the regression has not seen, many predictors at once."""

from collections.abc import Sequence

import numpy as np

DEPENDENT = 1e-10  # of the largest eigenvalue
ROUNDING = 1e-12  # of the largest value


def left_out_errors(
    y: np.ndarray,
    regressors: Sequence[np.ndarray],
    present: np.ndarray,
    subject: np.ndarray,
    *,
    by_structure: bool,
) -> np.ndarray:
    """Return the sum of squared errors of predicting each subject by a fit on the others.

    Args:
        y: (n_structures, n_scans), the target.
        regressors: each (n_variants, n_structures, n_scans) or without variants; none for the means
            of the others alone.
        present: (n_variants, n_structures, n_scans) bool, the pairs that count.
        subject: (n_scans,) labels: the subject of each scan.
        by_structure: a mean of each structure, else one of all pairs.

    Returns:
        (n_variants,); pairs of a structure that no other subject has are left out; NaN with fewer
        than two subjects.
    """
    names = np.unique(subject)
    if len(names) < 2:
        return np.full(len(present), np.nan)
    columns = np.stack([np.broadcast_to(c, present.shape) for c in (*regressors, y)])
    columns = np.where(present, columns, 0.0)
    total = np.zeros(len(present))
    for name in names:
        total += _errors(columns, present, subject == name, (-1,) if by_structure else (-2, -1))
    return total


def _errors(
    columns: np.ndarray, present: np.ndarray, out: np.ndarray, axes: tuple[int, ...]
) -> np.ndarray:
    """Return the squared errors of one subject, (n_variants,); `columns`: the target last."""
    rounding = ROUNDING * np.abs(columns).max(axis=(-2, -1), keepdims=True)
    here = present[..., ~out]
    count = here.sum(axis=axes, keepdims=True)
    means = columns[..., ~out].sum(axis=axes, keepdims=True) / np.maximum(count, 1)
    own = np.where(here, columns[..., ~out] - means, 0.0)
    own = np.where(np.abs(own) <= rounding, 0.0, own)  # a constant has no coefficient
    new = np.where(present[..., out] & (count > 0), columns[..., out] - means, 0.0)
    moments = np.einsum("avks,bvks->vab", own, own)
    coefficients = _coefficients(moments)
    errors = new[-1] - np.einsum("va,avks->vks", coefficients, new[:-1])
    return (errors**2).sum(axis=(1, 2))


def _coefficients(moments: np.ndarray) -> np.ndarray:
    """Return (n_variants, n_columns) from (n_variants, n_columns + 1, n_columns + 1)."""
    n = moments.shape[1] - 1
    if not n:
        return np.zeros((len(moments), 0))
    scale = np.sqrt(np.diagonal(moments, axis1=1, axis2=2)[:, :-1])
    scale = np.where(scale > 0, scale, 1.0)
    normal = moments[:, :-1, :-1] / scale[:, :, None] / scale[:, None, :]
    inverse = np.linalg.pinv(normal, rcond=DEPENDENT, hermitian=True)
    return np.einsum("vab,vb->va", inverse, moments[:, :-1, -1] / scale) / scale


def explained(errors: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Return 1 - errors / baseline, NaN where the baseline has no error."""
    known = np.isfinite(baseline) & (baseline > 0)
    return np.where(known, 1.0 - errors / np.where(known, baseline, 1.0), np.nan)
