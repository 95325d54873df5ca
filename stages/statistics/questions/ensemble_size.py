"""How many members a coefficient of variation needs, from ensembles made smaller.

How far a CV of m members is off is known for normal members. Smaller ensembles drawn from the
members say how far it is off here; they share members, and so differ less than ensembles of other
members would. The part that they show is what they show of normal ensembles of the same size.
"""

from collections.abc import Mapping
from functools import cache
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.methods.crossed_intervals import crossed, interval
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.member_medians import Draws, draw, member_cube
from stages.statistics.methods.variability import PERCENT, c4
from stages.statistics.methods.weighted_summaries import weighted_median
from stages.statistics.needs import SEVERAL, needs
from stages.study.seeds import stable_seed

TARGETS = (0.20, 0.15, 0.10)  # relative standard errors to reach
BAND = (2.5, 97.5)  # percentiles over subsets
NO_VARIABILITY = 1e-9  # percent; a CV below this is rounding
N_NORMAL = 4000  # ensembles of normal members that subsets are compared with
COLUMNS = [
    "group",
    "n_members",
    "n_subsets",
    "n_pairs",
    "cv",
    "cv_c4",
    "cv_low",
    "cv_high",
    "se_subsets",
    "se",
    "theory",
]


@needs(SEVERAL)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return how many members a coefficient of variation needs."""
    draws = draw(cohort.subject_of, params.bootstrap_draws, rng, cohort.nested)
    volumes = cohort.networks(cohort.volumes)
    tree, table = ensemble_size(volumes, params.subsets, draws, params.level)
    return Answer(tree, {"ensemble_size": table})


def relative_error(n_members: int) -> float:
    """Return the standard error of a CV of normal members relative to its mean, exactly.

    sqrt(1 / c4(m)^2 - 1), about 1 / sqrt(2 (m - 1)): that of their standard deviation.

    Args:
        n_members: m, at least two.
    """
    return float(np.sqrt(1.0 / c4(n_members) ** 2 - 1.0))


def members_needed(target: float, ratio: float = 1.0) -> float:
    """Return the fewest members whose CV has a relative standard error of the target or less.

    Args:
        target: the relative standard error to reach, 0.2 for 20 %.
        ratio: observed standard error relative to `relative_error`.

    Returns:
        At least 2; NaN for an undefined ratio.
    """
    if not np.isfinite(ratio):
        return float("nan")
    needed = max(2, int(ratio**2 / (2.0 * target**2)))  # the first order is not enough
    while ratio * relative_error(needed) > target * (1.0 + 1e-9):
        needed += 1
    return float(needed)


def subsets(n_members: int, size: int, n_subsets: int, rng: np.random.Generator) -> np.ndarray:
    """Return subsets of the members: all of them if they are no more than `n_subsets`.

    Args:
        n_members: M.
        size: m, members in a subset.
        n_subsets: drawn at random, independently of each other, if there are more than these.
        rng: source of the draws.

    Returns:
        (n, n_members), True for members of the subset.
    """
    if comb(n_members, size) <= n_subsets:
        chosen = np.array(list(combinations(range(n_members), size)), dtype=np.intp)
    else:
        chosen = rng.random((n_subsets, n_members)).argsort(axis=1)[:, :size]
    inside = np.zeros((len(chosen), n_members), dtype=bool)
    np.put_along_axis(inside, chosen, True, axis=1)
    return inside


def subset_cv(volumes: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return CV = 100 sd(V) / mean(V), ddof = 1, of each pair in each subset, in percent.

    Args:
        volumes: (n_pairs, n_members), mm3.
        inside: (n_subsets, n_members), from `subsets`; all of one size, two or more.

    Returns:
        (n_pairs, n_subsets), NaN where the mean is not positive.
    """
    size = int(inside[0].sum())
    centre = volumes.mean(axis=1, keepdims=True)
    chosen = inside.astype(np.float64).T
    total = (volumes - centre) @ chosen  # of the deviations: squares of volumes lose digits
    squares = np.square(volumes - centre) @ chosen - np.square(total) / size
    mean = centre + total / size
    deviation = np.sqrt(np.maximum(squares, 0.0) / (size - 1.0))
    return PERCENT * deviation / np.where(mean > 0, mean, np.nan)


@cache
def normal_factor(size: int, n_members: int, n_subsets: int) -> float:
    """Return what subsets of normal members show of the relative standard error of a CV.

    Subsets share members, so that the CVs of subsets of m out of M differ less than those of other
    m members: to first order by sqrt(1 - (m - 1) / (M - 1)) (Hoeffding 1948, Ann. Math. Stat. 19).
    For few members that is 5 % off, so `N_NORMAL` ensembles are drawn; the median over them of the
    standard deviation over subsets relative to their mean, as over pairs, is taken.

    Args:
        size: m.
        n_members: M, more than m.
        n_subsets: see `subsets`.
    """
    rng = np.random.default_rng(stable_seed("ensemble_size", size, n_members, n_subsets))
    members = 1.0 + 1e-3 * rng.normal(size=(N_NORMAL, n_members))
    found = subset_errors(subset_cv(members, subsets(n_members, size, n_subsets, rng)))
    return float(np.median(found)) / relative_error(size)


def subset_errors(cv: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the CV over subsets relative to its mean, (n_pairs,).

    Args:
        cv: (n_pairs, n_subsets), percent.

    Returns:
        NaN for a single subset or where nothing varies.
    """
    mean = cv.mean(axis=1)
    if cv.shape[1] < 2:
        return np.full(len(cv), np.nan)
    varied = mean > NO_VARIABILITY
    return np.where(varied, cv.std(axis=1, ddof=1) / np.where(varied, mean, 1.0), np.nan)


def size_row(cv: np.ndarray, size: int, factor: float) -> dict[str, float]:
    """Return the coefficient of variation and its relative standard error at one size.

    Args:
        cv: (n_pairs, n_subsets), percent.
        size: members in a subset.
        factor: from `normal_factor`; NaN at the whole ensemble.

    Returns:
        cv and cv_c4 (median over pairs, mean over subsets), cv_low and cv_high (2.5 and 97.5 % of
        the subsets), se_subsets (standard deviation over subsets relative to their mean, median
        over pairs), se (divided by the factor) and theory, all in percent.
    """
    median = np.median(cv, axis=0)
    low, high = np.percentile(median, BAND)
    errors = subset_errors(cv)
    known = errors[np.isfinite(errors)]
    apart = float(np.median(known)) if len(known) else np.nan
    return {
        "n_members": size,
        "n_subsets": cv.shape[1],
        "n_pairs": len(cv),
        "cv": float(median.mean()),
        "cv_c4": float(median.mean()) / c4(size),
        "cv_low": float(low),
        "cv_high": float(high),
        "se_subsets": PERCENT * apart,
        "se": PERCENT * apart / factor,
        "theory": PERCENT * relative_error(size),
    }


def size_table(volumes: np.ndarray, n_subsets: int, group: str) -> pd.DataFrame:
    """Return one row a size m = 2..M of one ensemble.

    Args:
        volumes: (n_pairs, n_members), mm3, positive means, no NaN.
        n_subsets: see `subsets`.
        group: name of the ensemble.

    Returns:
        `COLUMNS`; no row without a pair or with fewer than two members.
    """
    n_pairs, n_members = volumes.shape
    sizes = range(2, n_members + 1) if n_pairs else ()
    rows = []
    for size in sizes:
        cv = subset_cv(volumes, _chosen(n_members, size, n_subsets))
        # a subset without any volume leaves its pair undefined at this size
        cv = cv[np.isfinite(cv).all(axis=1)]
        factor = normal_factor(size, n_members, n_subsets) if size < n_members else np.nan
        if len(cv):
            rows.append({"group": group, **size_row(cv, size, factor)})
    return pd.DataFrame(rows, columns=COLUMNS)


def _chosen(n_members: int, size: int, n_subsets: int) -> np.ndarray:
    """Return the same subsets for every ensemble."""
    rng = np.random.default_rng(stable_seed("subsets", size, n_members, n_subsets))
    return subsets(n_members, size, n_subsets, rng)


def ratio_draws(cube: np.ndarray, weights: np.ndarray, n_subsets: int) -> np.ndarray:
    """Return the ratio of `summary` in every draw of scans, (n_draws,).

    Args:
        cube: (n_structures, n_scans, n_members), mm3; pairs without a volume of every member or
            without a positive mean are left out.
        weights: (n_draws, n_scans), how often each scan counts.
        n_subsets: see `subsets`.
    """
    n_members, scan = cube.shape[-1], np.tile(np.arange(cube.shape[1]), len(cube))
    pairs = cube.reshape(-1, n_members)
    usable = np.isfinite(pairs).all(axis=1) & (pairs.sum(axis=1) > 0)
    ratios = []
    for size in range(2, n_members):
        cv = subset_cv(pairs[usable], _chosen(n_members, size, n_subsets))
        errors = np.where(np.isfinite(cv).all(axis=1), subset_errors(cv), np.nan)
        expected = relative_error(size) * normal_factor(size, n_members, n_subsets)
        ratios.append(weighted_median(errors, scan[usable], weights) / expected)
    return np.median(ratios, axis=0) if ratios else np.full(len(weights), np.nan)


def summary(table: pd.DataFrame, ratio: Mapping[str, float]) -> Tree:
    """Return what one ensemble says about sizes.

    Args:
        table: from `size_table`.
        ratio: value, low and high: the observed standard error relative to theory, median over m;
            1 for normal members, above for heavier tails.

    Returns:
        cv and cv_c4 of the whole ensemble and relative_se that theory gives it (percent); the
        ratio; needed -> theory and observed -> members for relative standard errors of 20, 15 and
        10 %, the observed with low and high, those of the ratio.
    """
    whole = table.iloc[-1] if len(table) else dict.fromkeys(COLUMNS, np.nan)
    numbers = {"cv": "cv", "cv_c4": "cv_c4", "relative_se": "theory"}
    needed = {f"{PERCENT * t:.0f}_percent": t for t in TARGETS}
    return {
        **{name: float(whole[column]) for name, column in numbers.items()},
        "ratio": dict(ratio),
        "needed": {
            "theory": {name: members_needed(t) for name, t in needed.items()},
            "observed": {
                name: {end: members_needed(t, each) for end, each in ratio.items()}
                for name, t in needed.items()
            },
        },
    }


def ensemble_size(
    volumes: pd.DataFrame, n_subsets: int, draws: Draws, level: float
) -> tuple[Tree, pd.DataFrame]:
    """Return the coefficient of variation and its standard error against the number of members.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        n_subsets: subsets of each size; all where there are no more.
        draws: of subjects, for the intervals over subjects and members.
        level: their coverage.

    Returns:
        The tree group -> `summary`, with members, pairs, excluded (structures of scans without a
        volume of every member or without a positive mean) and undefined (leaves left out); and the
        table of `size_table` over all groups.
    """
    tree, parts = {}, []
    structures = tuple(dict.fromkeys(volumes["structure"]))
    for group, part in volumes.groupby("group", sort=False):
        wide = part.pivot(index=["structure", "subject"], columns="member", values="volume_mm3")
        values = wide.to_numpy(np.float64)
        complete = values[np.isfinite(values).all(axis=1)]
        complete = complete[complete.mean(axis=1) > 0]
        table = size_table(complete, n_subsets, group)
        cube = member_cube(part, "volume_mm3", structures, draws.scans)
        answers, gaps = without_gaps(
            summary(table, _ratio(cube, n_subsets, draws.of(group), level))
        )
        n_pairs = len(complete)
        counts = {"members": values.shape[1], "pairs": n_pairs, "excluded": len(values) - n_pairs}
        tree[group] = answers | counts | {"undefined": len(gaps)}
        parts += [table] if len(table) else []
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    return tree, table


def _ratio(cube: np.ndarray, n_subsets: int, draws: Draws, level: float) -> dict[str, float]:
    found = crossed(
        lambda weights, members: ratio_draws(cube[..., members], weights, n_subsets),
        draws.weights,
        draws.n_subjects,
        cube.shape[-1],
        nested=draws.within,
    )
    ends = interval(found, level)
    return {"value": float(found.value), "low": max(ends.low, 0.0), "high": ends.high}
