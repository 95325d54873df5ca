"""What a predictor explains of subjects left out, beside what it would without knowing them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.statistics.methods.left_out import explained, left_out_errors
from stages.statistics.methods.within_between import Table

RANDOM_DRAWS = 100


class Scores(NamedTuple):
    """Fractions of squared error that a predictor takes away, in subjects left out of the fit.

    Below 0: worse than without it. NaN where undefined.
    """

    within: float
    """Of what structures and ln volume leave."""

    within_wrong_subject: float
    """The same of other subjects' predictors, their structures kept."""

    beside_volume: float
    """Of what ln volume leaves of all pairs, structures unknown."""

    pooled: float
    """Of the variance of all pairs, structures and ln volume unknown."""

    pooled_wrong_subject: float


def scores(tables: Sequence[Table], wrong: np.ndarray) -> Scores:
    """Return the scores of a predictor, the mean over some tables.

    Args:
        tables: predictor and target of different halves of the members.
        wrong: (n_orders, n_scans) from `wrong_subjects`.
    """
    if not tables:
        return Scores(*(float("nan"),) * len(Scores._fields))
    found = []
    for table in tables:
        order = np.concatenate([np.arange(len(table.subject))[None], wrong])
        x = np.moveaxis(table.x[:, order], 1, 0)
        present = np.isfinite(x) & np.isfinite(table.y) & np.isfinite(table.size)
        within = _taken(table, [table.size], x, present, by_structure=True)
        beside = _taken(table, [table.size], x[:1], present[:1], by_structure=False)
        pooled = _taken(table, [], x, present, by_structure=False)
        found.append(
            (within[0], _mean(within[1:]), beside[0], pooled[0], _mean(pooled[1:])),
        )
    return Scores(*np.mean(found, axis=0).tolist())


def _taken(
    table: Table,
    others: list[np.ndarray],
    x: np.ndarray,
    present: np.ndarray,
    *,
    by_structure: bool,
) -> np.ndarray:
    """Return the fraction of error that each variant of x (n_variants, ...) takes away."""
    errors = [
        left_out_errors(table.y, each, present, table.subject, by_structure=by_structure)
        for each in ([*others, x], others)
    ]
    return explained(*errors)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def volume_scores(tables: Sequence[Table]) -> dict[str, float]:
    """Return what structures alone and ln volume alone explain of all pairs, subjects left out.

    Args:
        tables: of the halves of the members; their predictors do not matter.
    """
    found = []
    for table in tables:
        present = (np.isfinite(table.y) & np.isfinite(table.size))[None]
        least = left_out_errors(table.y, [], present, table.subject, by_structure=False)
        structure = left_out_errors(table.y, [], present, table.subject, by_structure=True)
        volume = left_out_errors(table.y, [table.size], present, table.subject, by_structure=False)
        found.append([float(explained(own, least)[0]) for own in (structure, volume)])
    mean = np.mean(found or [[np.nan, np.nan]], axis=0)
    return {"structure_only": float(mean[0]), "ln_volume": float(mean[1])}


def random_structures(tables: Sequence[Table], rng: np.random.Generator) -> float:
    """Return what a random number for each structure explains of all pairs, a mean over draws."""
    found = []
    for table in tables:
        there = np.isfinite(table.y) & np.isfinite(table.size)
        drawn = rng.normal(size=(RANDOM_DRAWS, len(table.y), 1))
        x = np.broadcast_to(drawn, (RANDOM_DRAWS, *table.y.shape))
        present = np.broadcast_to(there, x.shape)
        found.append(_mean(_taken(table, [], x, present, by_structure=False)))
    return float(np.mean(found)) if found else float("nan")
