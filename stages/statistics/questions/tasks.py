"""Do uncertainties foretell other tasks than volumes: overlap, surfaces and deformations.

Ranks are compared, because tasks have units and ranges of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.statistics.methods.bootstrap import cell_matrix, cluster_draws, interval, rank_draws
from stages.statistics.methods.gaps import without_gaps

SCOPES = ("pooled", "within_structure")
HEADLINES = ("std_mean", "linearised_volume", "cv")  # predictors that metrics name
VOLUME_CV = ("cv", "C")  # as a predictor: name, and what it costs (`surrogates.COSTS`)
COLUMNS = ["group", "target", "predictor", "kind", "estimate", "scope", "n", "value", "low", "high"]


@dataclass(frozen=True)
class Draws:
    """Samples of exams; subjects: of the columns; weights: (n_draws, n_subjects); level: 0 ... 1.

    n_exams: how many were drawn from.
    """

    subjects: list[str]
    weights: np.ndarray
    level: float
    n_exams: int


def draw_exams(
    exams: Mapping[str, str], n_draws: int, level: float, rng: np.random.Generator
) -> Draws:
    """Return samples of whole exams (scan -> exam), the same for every pair of variables."""
    subjects = list(exams)
    labels = np.array([str(exams[name]) for name in subjects])
    weights = cluster_draws(labels, n_draws, rng)
    return Draws(subjects, weights, level, len(np.unique(labels)))


class Agreement(NamedTuple):
    """Spearman's coefficient over n cells, and the ends of its interval over exams."""

    n: int
    r: float
    low: float
    high: float

    def leaves(self) -> dict[str, float]:
        """Return what metrics hold."""
        return {"r": self.r, "low": self.low, "high": self.high}


def rank_agreement(
    first: pd.DataFrame, x: str, second: pd.DataFrame, y: str, draws: Draws
) -> dict[str, Agreement]:
    """Return Spearman's rank correlation of two variables over the cells that have both.

    Args:
        first: columns structure, subject and `x`, one row a cell of one group.
        x: column name.
        second: columns structure, subject and `y`.
        y: column name.
        draws: of exams, for the percentile intervals.

    Returns:
        pooled (all structures and scans) and within_structure (centred per structure before
        ranking): NaN where undefined.
    """
    structures = list(dict.fromkeys([*first["structure"], *second["structure"]]))
    a = cell_matrix(first, x, structures, draws.subjects)
    b = cell_matrix(second, y, structures, draws.subjects)
    n = int((np.isfinite(a) & np.isfinite(b)).sum())
    as_it_is = np.ones((1, len(draws.subjects)), dtype=np.int64)
    every = rank_draws(a, b, np.concatenate([as_it_is, draws.weights]))
    result = {}
    for scope in SCOPES:
        r, resampled = float(every[scope][0]), every[scope][1:]
        low, high, _ = interval(resampled, draws.level, draws.n_exams)
        # an interval belongs to an estimate
        result[scope] = Agreement(n, r, *((low, high) if np.isfinite(r) else (np.nan, np.nan)))
    return result


def foretold(
    predictors: pd.DataFrame, targets: pd.DataFrame, draws: Draws
) -> tuple[dict, pd.DataFrame]:
    """Return how well each predictor ranks the cells of each group as each target does.

    Args:
        predictors: columns group, subject, structure, surrogate, kind (`surrogates.COSTS`), value.
        targets: columns group, subject, structure, target, value: larger is worse.
        draws: of exams.

    Returns:
        The tree group -> target -> predictor (`HEADLINES`) -> scope -> r, low, high, and
        undefined, the leaves left out; and the table with columns group, target, predictor, kind,
        estimate (target and scope), scope, n, value, low, high of all predictors.
    """
    rows: list[tuple] = []
    for (group, target), own in targets.groupby(["group", "target"], sort=False):
        known = predictors[predictors["group"] == group]
        for (name, kind), values in known.groupby(["surrogate", "kind"], sort=False):
            found = rank_agreement(values, "value", own, "value", draws)
            rows += [
                (group, target, name, kind, f"{target}, {scope}", scope, *answer)
                for scope, answer in found.items()
            ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return _tree(table), table


def _tree(table: pd.DataFrame) -> dict:
    tree: dict = {}
    for row in table[table["predictor"].isin(HEADLINES)].itertuples(index=False):
        target = tree.setdefault(row.group, {}).setdefault(row.target, {})
        leaves = Agreement(row.n, row.value, row.low, row.high).leaves()
        target.setdefault(row.predictor, {})[row.scope] = leaves
    for group, answers in tree.items():
        kept, gaps = without_gaps(answers)
        tree[group] = kept | {"undefined": len(gaps)}
    return tree


def task_targets(overlap: pd.DataFrame, deformation: pd.DataFrame) -> pd.DataFrame:
    """Return what is to be foretold of each cell: dice_loss, surface_distance, deformation_sd.

    Args:
        overlap: from `overlap.overlap_cells`.
        deformation: from `deformation.deformation_cells`.

    Returns:
        Columns group, subject, structure, target, value: 1 - Dice and the mean symmetric surface
        distance (mm) against the segmentation of the fully sampled image, means over members, and
        the SD of the apparent changes over members (percent).
    """
    cell = ["group", "subject", "structure"]
    own = overlap[overlap["target"] == "reference"]
    values = {
        "dice_loss": own[cell].assign(value=1.0 - own["dice"]),
        "surface_distance": own[cell].assign(value=own["surface_distance_mm"]),
        "deformation_sd": deformation[cell].assign(value=deformation["sd"]),
    }
    parts = [table.assign(target=name) for name, table in values.items()]
    return pd.concat(parts, ignore_index=True)[[*cell, "target", "value"]]
