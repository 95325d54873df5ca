"""Medians over structure-scan pairs of what the members of an ensemble give, with intervals.

Cubes are (n_structures, n_scans, n_members), NaN where a volume is absent. A pair has a value if
its members have one, those that are left out aside.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.bootstrap import cluster_draws
from stages.statistics.methods.crossed_intervals import Crossed, crossed, steadied
from stages.statistics.methods.variability import PERCENT, positive
from stages.statistics.methods.weighted_summaries import weighted_median


class Draws(NamedTuple):
    """Samples of subjects, the same for every group."""

    scans: list[str]
    """Of the columns of `weights`."""

    weights: np.ndarray
    """(n_draws, n_scans), how often each scan came."""

    n_subjects: int

    nested: frozenset[str] = frozenset()
    """Groups whose members are samples of their scan."""

    within: bool = False
    """Whether the members of the group at hand are."""

    def of(self, group: str) -> "Draws":
        """Return the draws for a group, which know whether its members are nested."""
        return self._replace(within=group in self.nested)


def draw(
    subject_of: Mapping[str, str],
    n_draws: int,
    rng: np.random.Generator,
    nested: frozenset[str] = frozenset(),
) -> Draws:
    """Return samples of whole subjects (scan -> subject), none of fewer than three."""
    labels = np.array([str(name) for name in subject_of.values()])
    weights = cluster_draws(labels, n_draws, rng)
    return Draws(list(subject_of), weights, len(np.unique(labels)), nested)


def member_cube(
    table: pd.DataFrame, value: str, structures: tuple[str, ...], scans: list[str]
) -> np.ndarray:
    """Return one column of a group's table as a cube, members in ascending order.

    Args:
        table: columns member, structure, subject and `value`, of one group.
        value: column name.
        structures: of the rows.
        scans: of the columns.
    """
    layers = [
        pair_matrix(part, value, list(structures), scans)
        for _, part in table.groupby("member", sort=True)
    ]
    return np.stack(layers, axis=-1) if layers else np.zeros((len(structures), len(scans), 0))


def pair_cv(cube: np.ndarray) -> np.ndarray:
    """Return the CV of each pair over the members that it has, in percent, (n_structures, n_scans).

    NaN where the mean is not positive or there are fewer than two members.
    """
    return PERCENT * pair_sd(cube) / positive(pair_mean(cube))


def pair_sd(cube: np.ndarray) -> np.ndarray:
    """Return the standard deviation (ddof = 1) of each pair over its members."""
    known = np.isfinite(cube)
    count = known.sum(axis=-1)
    apart = np.where(known, cube - pair_mean(cube)[..., None], 0.0)
    squares = np.sum(apart**2, axis=-1)
    return np.sqrt(np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan))


def pair_mean(cube: np.ndarray) -> np.ndarray:
    """Return the mean of each pair over its members."""
    known = np.isfinite(cube)
    count = known.sum(axis=-1)
    total = np.where(known, cube, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def pair_bias(cube: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the bias of each pair, 100 (mean_m V - V_ref) / V_ref.

    Args:
        cube: volumes.
        reference: (n_structures, n_scans), the same unit; not positive: NaN.
    """
    return PERCENT * (pair_mean(cube) / positive(reference) - 1.0)


def median_spread(cube: np.ndarray, draws: Draws, *, relative: bool) -> Crossed:
    """Return the median over pairs of the CV (%) or of the standard deviation over members.

    Its estimand is the median of so many members: that few of them spread less on average, by the
    factor c4 of `variability`, is not undone.

    Args:
        cube: volumes, or values that are in percent already.
        draws: of subjects, for the columns of the cube.
        relative: the CV, not the standard deviation.
    """
    spread = pair_cv if relative else pair_sd
    scan = np.tile(np.arange(cube.shape[1]), len(cube))

    def median(weights: np.ndarray, members: np.ndarray) -> np.ndarray:
        return weighted_median(spread(cube[..., members]).ravel(), scan, weights)

    def logarithm(weights: np.ndarray, members: np.ndarray) -> np.ndarray:
        values = spread(cube[..., members])
        known = values > 0
        logs = np.log(np.where(known, values, 1.0))
        return _quotient(weights @ logs.sum(axis=0), weights @ known.sum(axis=0))

    n_members = cube.shape[-1]
    found = crossed(median, draws.weights, draws.n_subjects, n_members, nested=draws.within)
    by = crossed(logarithm, draws.weights, draws.n_subjects, n_members, nested=draws.within)
    return steadied(found, by, float(found.value))


def median_absolute_bias(biases: np.ndarray, draws: Draws) -> Crossed:
    """Return the median over structures of |median over scans of the bias|.

    Where biases are no larger than their uncertainty, a bootstrap moves the median more than other
    subjects would: the interval is too wide there, and of the right width where they are larger.

    Args:
        biases: (n_structures, n_scans, n_members) of each member, in percent.
        draws: of subjects, for the columns.
    """
    scan = np.arange(biases.shape[1])

    def median(weights: np.ndarray, members: np.ndarray) -> np.ndarray:
        pairs = pair_mean(biases[..., members])
        sizes = np.abs([weighted_median(row, scan, weights) for row in pairs])
        known = np.isfinite(sizes).any(axis=1)
        return np.nanmedian(sizes[known], axis=0) if known.any() else np.full(len(weights), np.nan)

    return crossed(median, draws.weights, draws.n_subjects, biases.shape[-1], nested=draws.within)


def row_means(values: np.ndarray, draws: Draws) -> Crossed:
    """Return the mean of each structure over scans and members, (n_structures,).

    Args:
        values: (n_structures, n_scans, n_members), as biases in percent.
        draws: of subjects, for the columns.
    """

    def mean(weights: np.ndarray, members: np.ndarray) -> np.ndarray:
        return _weighted_mean(pair_mean(values[..., members]), weights)

    return crossed(mean, draws.weights, draws.n_subjects, values.shape[-1], nested=draws.within)


def _weighted_mean(pairs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean of each row over the scans that it has, (n_draws, n_rows)."""
    known = np.isfinite(pairs)
    return _quotient(weights @ np.where(known, pairs, 0.0).T, weights @ known.T.astype(float))


def _quotient(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    where = denominator > 0
    return np.where(where, numerator / np.where(where, denominator, 1.0), np.nan)
