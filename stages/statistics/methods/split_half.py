"""Split-half reliability of ln CV: what two disjoint halves of the members agree on.

A coefficient of variation from few members is uncertain; what both halves agree on is reliable, and
R^2 of a perfect predictor of ln CV. It bounds predictors from other members only: what is computed
from the same ones shares their noise and can exceed it.
"""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from stages.statistics.answer import Tree
from stages.statistics.methods.arrays import volume_cube
from stages.statistics.methods.correlation import NEARLY_ONE
from stages.statistics.methods.relation import Relation, relations
from stages.statistics.methods.reliability import sampling_variance
from stages.statistics.methods.variability import coefficient_of_variation

LEAST_MEMBERS = 4  # two in each half


def splits(n_members: int, n_splits: int, rng: np.random.Generator) -> np.ndarray:
    """Return distinct divisions of the members into halves (sizes differ by one if odd).

    Args:
        n_members: size of the ensemble.
        n_splits: all divisions if there are no more than this, else so many random ones.
        rng: source of the random ones.

    Returns:
        (n_found, n_members) True for the first half; none with fewer than four members.
    """
    if n_members < LEAST_MEMBERS:
        return np.zeros((0, n_members), dtype=bool)
    size = n_members // 2
    even = n_members % 2 == 0
    # member 0 stays in the first half of an even ensemble: the mirror image is the same division
    fixed, rest = ((0,), range(1, n_members)) if even else ((), range(n_members))
    n_free = size - len(fixed)
    if comb(len(rest), n_free) <= n_splits:
        chosen = {fixed + free for free in combinations(rest, n_free)}
    else:
        chosen = set()
        while len(chosen) < n_splits:
            free = rng.choice(np.asarray(rest), size=n_free, replace=False)
            chosen.add(fixed + tuple(sorted(free.tolist())))
    first = np.zeros((len(chosen), n_members), dtype=bool)
    for row, members in zip(first, sorted(chosen), strict=True):
        row[list(members)] = True
    return first


def log_variability(volumes: np.ndarray) -> np.ndarray:
    """Return ln CV, NaN where the CV is undefined or 0.

    Args:
        volumes: (..., n_members), mm3.
    """
    cv = coefficient_of_variation(volumes)
    defined = np.isfinite(cv) & (cv > 0)
    return np.where(defined, np.log(np.where(defined, cv, 1.0)), np.nan)


def full_length(r: np.ndarray, n_first: int, n_second: int) -> np.ndarray:
    """Return the reliability of ln CV of all members from the correlation between two halves.

    With true variance t and sampling variances V of ln s (`sampling_variance`) the halves correlate
    by r = t / sqrt((t + V_1)(t + V_2)), which is solved for t, and rho = t / (t + V). For equal
    halves that is the Spearman-Brown formula L r / (1 + (L - 1) r) of length L = V_1 / V: not the
    usual L = 2, since V falls as 1 / (M - 1) and not as 1 / M (Spearman 1910, Brown 1910, Br. J.
    Psychol. 3).

    Args:
        r: any shape; not above 0 gives 0, NaN stays.
        n_first: members of the first half, at least 2.
        n_second: members of the second half, at least 2.

    Returns:
        0 to 1, of the shape of `r`.
    """
    whole = sampling_variance(n_first + n_second)
    a, b = sampling_variance(n_first) / whole, sampling_variance(n_second) / whole
    r = np.asarray(r, dtype=np.float64)
    square = np.where(r > 0, np.minimum(r, NEARLY_ONE), 0.0) ** 2
    rest = 1.0 - square
    root = np.sqrt((square * (a + b)) ** 2 + 4.0 * rest * square * a * b)
    true = (square * (a + b) + root) / (2.0 * rest)
    return np.where(np.isnan(r), np.nan, true / (true + 1.0))


def reliability(
    volumes: pd.DataFrame,
    subject_of: dict[str, str],
    n_splits: int,
    level: float,
    rng: np.random.Generator,
) -> tuple[Tree, pd.DataFrame]:
    """Return the R^2 that a perfect predictor of ln CV would reach, from two halves of the members.

    Halves agree by the mean r over divisions (Fisher's z), with the interval of `relations`. An
    estimate that takes errors for independent between scans has no place here: members' offsets
    are common to all scans of a structure, and it gave .10 where .38 is true.

    Args:
        volumes: columns member, subject, structure, volume_mm3.
        subject_of: scan -> subject.
        n_splits: divisions into halves.
        level: of the intervals.
        rng: source of the divisions.

    Returns:
        Tree scope -> between_halves, of the ln CV of half of the members: the noise ceiling of
        what the other half predicts; and split_half, of all members (`full_length`): {value, low,
        high} each, for pooled and within_structure; and n_splits (0: the halves of fewer than four
        members have no CV); NaN where undefined. Table with columns scope, estimate, value, low,
        high.
    """
    cube, _, subjects = volume_cube(volumes)
    n_members = cube.shape[-1]
    first = splits(n_members, n_splits, rng)
    clusters = np.array([subject_of[name] for name in subjects])
    pairs = [(log_variability(cube[..., h]), log_variability(cube[..., ~h])) for h in first]
    found = relations(pairs, clusters, level) if pairs else {}
    tree: Tree = {}
    rows = []
    for scope in ("pooled", "within_structure"):
        halves = found.get(scope, Relation(*(float("nan"),) * 4))[:3]
        of_half = np.where(np.isnan(halves), np.nan, np.maximum(halves, 0.0))
        whole = of_half
        if pairs:
            whole = full_length(np.array(halves), n_members // 2, n_members - n_members // 2)
        for name, values in (("between_halves", of_half), ("split_half", whole)):
            leaf = dict(zip(("value", "low", "high"), map(float, values), strict=True))
            tree.setdefault(scope, {})[name] = leaf
            rows.append((scope, name, *leaf.values()))
    columns = ["scope", "estimate", "value", "low", "high"]
    return tree | {"n_splits": len(first)}, pd.DataFrame(rows, columns=columns)
