"""A test without shared noise: one half of the members predicts a target of the other half.

The target is ln CV (`log_cv`), or another measure of the volumes of one half.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.measures.members import HALVES, halves_of
from stages.statistics.answer import Tree
from stages.statistics.methods.arrays import pair_matrix, volume_cube
from stages.statistics.methods.baselines import SHARE, permuted_r2
from stages.statistics.methods.correlation import centre, fisher_mean, pearson
from stages.statistics.methods.permutation import p_value
from stages.statistics.methods.regression import in_sample_r2, within_group_r2
from stages.statistics.methods.relation import Relation, relations
from stages.statistics.methods.split_half import log_variability

PLENTY = 1000  # points: fisher_mean takes r = 1 for 1 - 6e-9
OTHER = {"a": "b", "b": "a"}
KEY = ["structure", "subject", "half"]


def log_cv(volumes: pd.DataFrame) -> pd.DataFrame:
    """Return ln CV of some members.

    Args:
        volumes: columns member, subject, structure, volume_mm3.

    Returns:
        Columns structure, subject, target (NaN where undefined: one member, CV = 0).
    """
    cube, structures, subjects = volume_cube(volumes)
    names = ["structure", "subject"]
    pairs = pd.MultiIndex.from_product([structures, subjects], names=names).to_frame(index=False)
    return pairs.assign(target=log_variability(cube).ravel())


def log_volume(volumes: pd.DataFrame) -> pd.DataFrame:
    """Return the logarithm of some members' mean volume; columns structure, subject, target."""
    means = volumes.groupby(["structure", "subject"], sort=False)["volume_mm3"].mean()
    size = means.to_numpy(np.float64)
    logarithm = np.log(np.where(size > 0, size, np.nan))
    return means.index.to_frame(index=False).assign(target=logarithm)


Measure = Callable[[pd.DataFrame], pd.DataFrame]
"""From the volumes of some members to columns structure, subject, target, as `log_cv`."""


class Cohorts(NamedTuple):
    """Who is in the study, and what intervals and tests of all its halves share."""

    subject_of: Mapping[str, str]
    order: np.ndarray
    """(n_permutations, n_scans), of the scans in the order of `subject_of`."""
    level: float

    @property
    def scans(self) -> list[str]:
        """Return the scans in the order of the study."""
        return list(self.subject_of)

    @property
    def clusters(self) -> np.ndarray:
        """Return the subject of each scan."""
        return np.array([self.subject_of[name] for name in self.scans])


def half_targets(volumes: pd.DataFrame, measure: Measure = log_cv) -> pd.DataFrame:
    """Return the target of each half of the members.

    Args:
        volumes: of one ensemble, columns member, subject, structure, volume_mm3.
        measure: of the volumes of one half.

    Returns:
        Columns structure, subject, target, half.
    """
    halves = zip(HALVES, halves_of(volumes["member"].unique().tolist()), strict=True)
    parts = [measure(volumes[volumes["member"].isin(m)]).assign(half=half) for half, m in halves]
    return pd.concat(parts, ignore_index=True)


def disjoint_pairs(
    targets: pd.DataFrame, predictors: pd.DataFrame, columns: list[str]
) -> pd.DataFrame:
    """Return each half's predictors beside the other half's target; incomplete pairs are absent.

    Args:
        targets: columns `KEY` and target, from `half_targets`.
        predictors: columns `KEY` and `columns`.
        columns: of the predictors.

    Returns:
        Columns `KEY` (half: of the predictors), target and `columns`.

    Raises:
        ValueError: if a half has another name than a or b.
    """
    unknown = set(predictors["half"]) - set(HALVES)
    if unknown:
        raise ValueError(f"expected halves 'a' and 'b', got {sorted(map(str, unknown))}")
    other = targets.assign(half=targets["half"].map(OTHER))
    return _complete(other, predictors, columns)


def _complete(targets: pd.DataFrame, predictors: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    joined = targets.merge(predictors[[*KEY, *columns]], on=KEY, how="left")
    return joined.replace([np.inf, -np.inf], np.nan).dropna()


def disjoint_relations(pairs: pd.DataFrame, column: str, cohort: Cohorts) -> dict[str, Relation]:
    """Return the correlation of one predictor with the other half's target, over both directions.

    Args:
        pairs: from `disjoint_pairs`.
        column: of the predictor.
        cohort: of the study.

    Returns:
        pooled and within_structure; NaN where undefined.
    """
    structures = list(dict.fromkeys(pairs["structure"]))
    both = [
        tuple(pair_matrix(part, name, structures, cohort.scans) for name in (column, "target"))
        for _, part in pairs.groupby("half")
    ]
    if len(both) < len(HALVES):
        nothing = Relation(*(float("nan"),) * 4)
        return {"pooled": nothing, "within_structure": nothing}
    return relations(both, cohort.clusters, cohort.level, cohort.order)  # type: ignore[arg-type]  # two of each


def disjoint_r2(
    volumes: pd.DataFrame,
    predictors: pd.DataFrame,
    columns: list[str],
    cohort: Cohorts,
    measure: Measure = log_cv,
) -> Tree:
    """Return how well one half of the members predicts the other half's target, and its own.

    R^2 is averaged over both directions, r by Fisher z. `same` takes predictor and target from the
    same half: the difference is the noise they share. The noise ceiling of `disjoint`, for ln CV,
    is that of an ensemble of half the size, `between_halves` of `reliability`.

    Args:
        volumes: of one ensemble, columns member, subject, structure, volume_mm3.
        predictors: columns structure, subject, half ("a" or "b", `halves_of`) and `columns`.
        columns: the predictors; the correlation is that of the first.
        cohort: of the study.
        measure: the target, of the volumes of one half.

    Returns:
        same -> pooled_r2, within_r2 (in sample), pooled_r, within_r; disjoint -> pooled_r2,
        within_r2 -> value, and mean, p95 and p of wrong subjects (`WrongSubject`), pooled and
        within_structure -> `Relation`; NaN where undefined. n_pairs, the structure-scan pairs of
        both directions, and n_undefined, those left out.

    Raises:
        ValueError: if a half has another name than a or b.
    """
    target = half_targets(volumes, measure)
    pairs = disjoint_pairs(target, predictors, columns)
    same = _both_directions(_complete(target, predictors, columns), columns)
    r2 = {
        "pooled_r2": _wrong_subjects(pairs, columns, cohort, within=False),
        "within_r2": _wrong_subjects(pairs, columns, cohort, within=True),
    }
    found = disjoint_relations(pairs, columns[0], cohort)
    return {
        "disjoint": r2 | {scope: one.leaves for scope, one in found.items()},
        "same": same,
        "n_pairs": len(pairs),
        "n_undefined": len(target) - len(pairs),
    }


def _wrong_subjects(
    pairs: pd.DataFrame, columns: list[str], cohort: Cohorts, *, within: bool
) -> dict[str, float]:
    """Return R^2 over both directions, with what the predictors of other subjects explain."""
    structures = list(dict.fromkeys(pairs["structure"]))
    found = []
    for half in HALVES:
        part = pairs[pairs["half"] == half]
        if part.empty:
            return dict.fromkeys(("value", "mean", "p95", "p"), float("nan"))
        x = [pair_matrix(part, name, structures, cohort.scans) for name in columns]
        y = pair_matrix(part, "target", structures, cohort.scans)
        found.append(permuted_r2(np.stack(x, axis=-1), y, cohort.order, within=within))
    value = float(np.mean([observed for observed, _ in found]))
    null = np.mean([each for _, each in found], axis=0)
    known = null[np.isfinite(null)]
    ends = (known.mean(), np.quantile(known, SHARE)) if len(known) else (np.nan, np.nan)
    return {
        "value": value,
        "mean": float(ends[0]),
        "p95": float(ends[1]),
        "p": p_value(value, null),
    }


def _both_directions(table: pd.DataFrame, columns: list[str]) -> dict[str, float]:
    found: list[tuple[float, float, float, float]] = []
    for half in HALVES:
        part = table[table["half"] == half]
        x, y = part[columns].to_numpy(np.float64), part["target"].to_numpy(np.float64)
        if not len(part):
            found.append((np.nan,) * 4)
            continue
        structure = part["structure"].to_numpy()
        u, v = centre(x[:, 0], structure), centre(y, structure)
        both = (in_sample_r2(x, y), within_group_r2(x, y, structure))
        found.append((*both, pearson(x[:, 0], y), pearson(u, v)))
    values = np.array(found)
    r2 = [float(np.mean(column)) for column in values.T[:2]]
    r = [fisher_mean(c, PLENTY) if np.isfinite(c).all() else np.nan for c in values.T[2:]]
    names = ("pooled_r2", "within_r2", "pooled_r", "within_r")
    return {name: float(value) for name, value in zip(names, [*r2, *r], strict=True)}
