"""A test without shared noise: one half of the members predicts a target of the other half.

The target is ln CV (`log_cv`), or another measure of the volumes of one half.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from stages.measures.members import HALVES, halves_of
from stages.statistics.methods.arrays import volume_cube
from stages.statistics.methods.correlation import centre, fisher_mean, pearson
from stages.statistics.methods.regression import in_sample_r2, within_group_r2
from stages.statistics.methods.split_half import log_variability

PLENTY = 1000  # points: fisher_mean takes r = 1 for 1 - 6e-9


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


Measure = Callable[[pd.DataFrame], pd.DataFrame]
"""From the volumes of some members to columns structure, subject, target, as `log_cv`."""


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


def disjoint_r2(
    volumes: pd.DataFrame,
    predictors: pd.DataFrame,
    columns: list[str],
    measure: Measure = log_cv,
) -> dict[str, dict[str, float] | float]:
    """Return how well one half of the members predicts the other half's target, and its own.

    R^2 is averaged over both directions, r by Fisher z. `same` takes predictor and target from the
    same half: the difference is the noise they share. The noise ceiling of these numbers, for ln
    CV, is that of an ensemble of half the size, `between_halves` of `reliability`.

    Args:
        volumes: of one ensemble, columns member, subject, structure, volume_mm3.
        predictors: columns structure, subject, half ("a" or "b", `halves_of`) and `columns`.
        columns: the predictors; the correlation is that of the first.
        measure: the target, of the volumes of one half.

    Returns:
        disjoint and same -> pooled_r2, within_r2 (in sample), pooled_r, within_r (NaN where
        undefined); n_pairs, the structure-scan pairs of both directions, and n_undefined, those
        left out.

    Raises:
        ValueError: if a half has another name than a or b.
    """
    unknown = set(predictors["half"]) - set(HALVES)
    if unknown:
        raise ValueError(f"expected halves 'a' and 'b', got {sorted(map(str, unknown))}")
    target = half_targets(volumes, measure)
    other = target.assign(half=target["half"].map({"a": "b", "b": "a"}))
    key = ["structure", "subject", "half"]
    tree: dict[str, dict[str, float] | float] = {}
    for name, chosen in (("disjoint", other), ("same", target)):
        joined = chosen.merge(predictors[[*key, *columns]], on=key, how="left")
        complete = joined.replace([np.inf, -np.inf], np.nan).dropna()
        tree[name] = _both_directions(complete, columns)
        if name == "disjoint":
            counts = {"n_pairs": len(complete), "n_undefined": len(joined) - len(complete)}
    return tree | counts


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
